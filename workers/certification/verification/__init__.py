"""Verification benchmarks in the formats that the field uses.

InsightFace's ``.bin``, LFW's folder with ``pairs.txt``, and template lists in the layout of IJB-B
and IJB-C. A folder per person needs no list: it is what ``certify`` takes as benchmark people.
"""

from workers.certification.verification.bad_verification import BadVerification
from workers.certification.verification.figures import TITLES, figures
from workers.certification.verification.pair_list import PairList
from workers.certification.verification.reading import kind_of, read_pair_list, read_verification
from workers.certification.verification.verification_set import Kind, VerificationSet

__all__ = [
    "TITLES",
    "BadVerification",
    "Kind",
    "PairList",
    "VerificationSet",
    "figures",
    "kind_of",
    "read_pair_list",
    "read_verification",
]
