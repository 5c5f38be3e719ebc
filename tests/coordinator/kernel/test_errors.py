"""What a refusal says as one text."""

import pytest

from coordinator.kernel.errors import DomainError


@pytest.mark.parametrize(
    ("message", "remedy", "whole"),
    [
        ("已经有人了。", "请看看别的。", "已经有人了。请看看别的。"),
        ("Too late.", "Look at another.", "Too late. Look at another."),
        ("王秀英 is taken.", "Look at another.", "王秀英 is taken. Look at another."),
        ("已经有人了。", "", "已经有人了。"),
        ("", "请看看别的。", "请看看别的。"),
    ],
)
def test_a_refusal_is_one_text(message: str, remedy: str, whole: str) -> None:
    assert DomainError(message, remedy).whole == whole
