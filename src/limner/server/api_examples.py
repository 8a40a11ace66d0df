"""One example for a shell and one for Python at each door, for docs/api.md."""

from __future__ import annotations

from collections.abc import Mapping

URL = "http://127.0.0.1:8034"

_CLIENT = f"""\
from openai import OpenAI

client = OpenAI(base_url="{URL}/v1", api_key="none")
"""

EXAMPLES: Mapping[str, tuple[str, str]] = {
    "Responses": (
        f"""\
curl {URL}/v1/responses -H "Content-Type: application/json" \\
  -d '{{"model": "limner", "input": "draw a fox", "tools": [{{"type": "image_generation"}}]}}'
""",
        f"""\
{_CLIENT}response = client.responses.create(
    model="limner", input="draw a red circle", tools=[{{"type": "image_generation"}}]
)
print([item.type for item in response.output])
""",
    ),
    "Images": (
        f"""\
curl {URL}/v1/images/generations -H "Content-Type: application/json" \\
  -d '{{"prompt": "a red circle", "size": "512x512"}}'
""",
        f"""\
import base64

{_CLIENT}made = client.images.generate(prompt="a red circle", size="512x512")
with open("circle.png", "wb") as file:
    file.write(base64.b64decode(made.data[0].b64_json))
edited = client.images.edit(image=open("circle.png", "rb"), prompt="a blue circle")
print(edited.size)
""",
    ),
    "Gallery": (
        f"""\
curl "{URL}/v1/images?limit=10"
""",
        f"""\
{_CLIENT}pictures = client.get("/images", cast_to=object)["data"]
print([(picture["id"], picture["prompt"]) for picture in pictures])
""",
    ),
    "Files": (
        f"""\
base64 -d > dot.gif <<< R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=
curl {URL}/v1/files -F purpose=vision -F file=@dot.gif
""",
        f"""\
{_CLIENT}print([(file.id, file.filename) for file in client.files.list()])
""",
    ),
    "Conversations": (
        f"""\
curl {URL}/v1/conversations -H "Content-Type: application/json" \\
  -d '{{"metadata": {{"topic": "foxes"}}}}'
""",
        f"""\
{_CLIENT}talk = client.conversations.create()
client.responses.create(model="limner", input="hello", conversation=talk.id)
print([item.type for item in client.conversations.items.list(talk.id)])
""",
    ),
    "Models": (
        f"""\
curl {URL}/v1/models
""",
        f"""\
{_CLIENT}print([model.id for model in client.models.list()])
""",
    ),
    "Queue": (
        f"""\
curl {URL}/v1/queue
""",
        f"""\
{_CLIENT}print(client.get("/queue", cast_to=object))
""",
    ),
    "Jobs": (
        f"""\
curl {URL}/generate -H "Content-Type: application/json" \\
  -d '{{"prompt": "a red circle", "width": 512, "height": 512}}'
""",
        f"""\
import json
from urllib.request import Request, urlopen

order = json.dumps({{"prompt": "a red circle", "width": 512, "height": 512}}).encode()
request = Request("{URL}/generate", order, {{"Content-Type": "application/json"}})
print(json.load(urlopen(request))["job_id"])
""",
    ),
    "The server itself": (
        f"""\
curl {URL}/readyz
curl {URL}/openapi.json
""",
        f"""\
from urllib.request import urlopen

print(urlopen("{URL}/livez").read())
""",
    ),
}
