"""What clients rely on, and the tests that hold it: each asks `limner serve` over real HTTP."""

from __future__ import annotations

from pathlib import Path

TESTS = Path("tests")

PROMISES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "OpenAI's strict stream helper reads every kind of response to its end",
        ("acceptance/test_hosted_tool.py::test_the_strict_helper_of_the_sdk_reads_it_to_the_end",),
    ),
    (
        "`response.created` first, one terminal event, ids that stay, numbers from 0 without gaps",
        ("acceptance/test_hosted_tool.py::test_the_stream_keeps_its_promises",),
    ),
    (
        "A picture's events in their order; none says `completed` of one that failed",
        ("acceptance/test_hosted_tool.py::test_the_stream_keeps_its_promises",),
    ),
    (
        "The same picture in the item and in the response, of the size and the format that it says",
        (
            "acceptance/test_hosted_tool.py::test_the_stream_keeps_its_promises",
            "acceptance/test_hosted_tool.py::"
            "test_a_picture_has_the_size_and_the_format_that_were_asked_for",
            "e2e/test_pictures.py::test_a_streamed_response_brings_real_partial_images_and_the_picture",
        ),
    ),
    (
        "No function, argument or `call_id` of Limner's own is seen",
        ("acceptance/test_hosted_tool.py::test_our_function_is_never_shown",),
    ),
    (
        "`tools` and `tool_choice` come back as they were sent",
        ("acceptance/test_hosted_tool.py::test_the_stream_keeps_its_promises",),
    ),
    (
        "What is wrong with the tool is a 400 and no stream, row by row",
        (
            "acceptance/test_refusals.py::"
            "test_every_row_of_the_table_of_the_tool_is_a_400_and_no_stream",
            "server/test_image_tool_table.py::test_a_row_of_the_table",
        ),
    ),
    (
        "The next turn takes the whole output, a response's id, a conversation, or items' ids",
        (
            "acceptance/test_hosted_tool.py::"
            "test_the_next_turn_sees_the_picture_however_it_is_named",
        ),
    ),
    (
        "The eleventh picture of a response is refused",
        ("acceptance/test_hosted_tool.py::test_the_eleventh_picture_is_refused",),
    ),
    (
        "A client that leaves stops the model and the painter",
        ("acceptance/test_lifecycle.py::test_a_client_that_leaves_stops_the_painter",),
    ),
    (
        "A stream is taken up at every cut, byte for byte, also after a restart",
        (
            "acceptance/test_lifecycle.py::test_a_stream_is_taken_up_at_every_cut_byte_for_byte",
            "acceptance/test_lifecycle.py::"
            "test_the_helper_of_the_sdk_takes_up_a_stream_that_it_left",
            "server/test_background.py::"
            "test_it_can_be_taken_up_at_every_event_before_and_after_a_restart",
        ),
    ),
    (
        "Where nothing paints, the words of the refusal, and a stream that ends",
        (
            "acceptance/test_refusals.py::"
            "test_where_nothing_paints_the_tool_is_refused_in_these_words",
            "acceptance/test_refusals.py::"
            "test_a_model_that_paints_unasked_ends_the_stream_in_the_same_words",
        ),
    ),
    (
        "Chat servers get answers to calls together, and pictures behind them",
        (
            "acceptance/test_hosted_tool.py::"
            "test_chat_servers_get_pictures_behind_the_answers_and_never_in_them",
        ),
    ),
    (
        "The Images API by form, by JSON and as a stream",
        (
            "acceptance/test_images_api.py::test_the_sdk_edits_by_form_with_a_mask",
            "acceptance/test_images_api.py::test_json_edits_name_pictures_by_url_and_by_file",
            "acceptance/test_images_api.py::test_streams_show_previews_and_end_with_the_picture",
            "acceptance/test_images_api.py::test_a_failure_raises_with_what_was_wrong",
        ),
    ),
    (
        "The cases of the Open Responses compliance tester on text paths",
        (
            "acceptance/test_open_responses.py::test_all_cases_at_once",
            "acceptance/test_open_responses.py::test_the_cases_over_a_websocket",
        ),
    ),
    (
        "`usage` is the language model's; `tool_usage.image_gen` adds up the pictures",
        ("acceptance/test_hosted_tool.py::test_tokens_of_pictures_are_counted_apart",),
    ),
    (
        "OpenAI's libraries for Python and JavaScript; Codex",
        (
            "acceptance/test_python_sdk.py::test_files_are_kept_named_and_removed",
            "acceptance/test_javascript.py::"
            "test_the_library_for_javascript_gets_all_that_it_asks_for",
            "acceptance/test_codex.py::test_a_turn_goes_on_and_says_what_was_left_out",
        ),
    ),
)


def is_there(test: str) -> bool:
    """Whether a test of this name is in this file."""
    file, _, name = test.partition("::")
    return f"def {name}(" in (TESTS / file).read_text("utf-8")
