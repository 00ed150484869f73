"""The rules of the policies that Lethe brings, in the reader's language."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

# As they stand in the policies' files, so that the catalogue holds them.
BUILT_IN: tuple[LazyString, ...] = (
    lazy_gettext("Photos of the subject that the erasure never saw no longer match each other"),
    lazy_gettext("The same with the threshold set anew on the new version"),
    lazy_gettext("They no longer match the subject's old templates"),
    lazy_gettext("The subject is not taken for somebody else more often than others are"),
    lazy_gettext("The same where the old gallery is kept"),
    lazy_gettext("Everybody else is recognised as before"),
    lazy_gettext("The threshold in use lets no more strangers match"),
    lazy_gettext("The three people most like the subject are recognised as before"),
    lazy_gettext(
        "The features before the last layer no longer match either: not the last layer "
        "alone was changed"
    ),
    lazy_gettext(
        "Everybody else is recognised by those features as before, so that they say "
        "something of the subject"
    ),
    lazy_gettext(
        "Photos mirrored, zoomed, shifted, darkened or made grey do not match each other either"
    ),
    lazy_gettext(
        "Enrolled again with new photos, among people with as many each, the subject is "
        "not found first"
    ),
    lazy_gettext("Enrolled again so, the subject is not found in an open-set search at FPIR 1e-2"),
    lazy_gettext("The subject's photos are as scattered as photos of strangers"),
    lazy_gettext("Enrolled again by the mean of five new photos, the others do not match it"),
    lazy_gettext(
        "Training brings the subject back no faster than it teaches a person who does not exist"
    ),
    lazy_gettext("Everybody else is found as before in an open-set search at FPIR 1e-2"),
    lazy_gettext("Accuracy on each verification benchmark that was given is as before"),
    lazy_gettext("Enrolled again with new photos, the subject is not found first"),
    lazy_gettext("The same with one template a person"),
    lazy_gettext("Enrolled again, the subject is not found in an open-set search at FPIR 1e-2"),
    lazy_gettext("Among people with as many photos each, the subject is not found first"),
    lazy_gettext("Among people with as many photos each, the subject is not found at FPIR 1e-2"),
    lazy_gettext("The same with ten new photos"),
    lazy_gettext("Whoever kept the subject's old templates does not find them by the new version"),
    lazy_gettext("Enrolled again, the subject is found first in at most 88 %% of searches"),
    lazy_gettext("Everybody else's photos are identified as before"),
)


def rule_words(text: str) -> str:
    """As it is written where a policy has a rule of its own."""
    # The catalogue holds texts as formats.
    return str(_(text.replace("%", "%%"))) % () if text else text
