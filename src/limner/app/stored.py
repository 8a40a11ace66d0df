"""What clients keep here beside their responses: files, conversations, and pictures to look at."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import BaseRoute

from limner.app.store import Store
from limner.core.ports import Codec
from limner.server.conversations import LookUp, conversations_routes
from limner.server.files import files_routes
from limner.server.gallery import gallery_routes
from limner.server.response_list import response_list_routes
from limner.store.conversations import Conversations
from limner.store.files import StoredFiles
from limner.store.gallery import Gallery
from limner.store.response_list import ResponseList


@dataclass(frozen=True, slots=True)
class Stored:
    """Each over the one store."""

    files: StoredFiles
    conversations: Conversations
    gallery: Gallery
    responses: ResponseList

    @classmethod
    def over(cls, store: Store) -> Stored:
        """What expires is forgotten by the store's sweeps."""
        files = StoredFiles(store.database, store.blobs)
        store.forgets.append(files.forget)
        conversations = Conversations(store.database, store.texts)
        responses = ResponseList(store.database, store.texts)
        return cls(files, conversations, Gallery(store.database, store.blobs), responses)

    def routes(self, look_up: LookUp, codec: Codec) -> list[BaseRoute]:
        """The doors to them.

        look_up: finds what items of conversations only name. codec: makes thumbnails.
        """
        return [
            *files_routes(self.files),
            *conversations_routes(self.conversations, look_up),
            *gallery_routes(self.gallery, codec),
            *response_list_routes(self.responses),
        ]
