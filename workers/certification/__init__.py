"""Certification: is a person forgotten, and is everybody else untouched?

Independent of unlearning: it takes two versions of a model and photos, nothing from the run.
"""

from workers.certification.certificate import certificate_body
from workers.certification.certification import Certification
from workers.certification.certify import certify
from workers.certification.evidence import Subject
from workers.certification.policy import BadPolicy, Policy
from workers.certification.report import report_html

__all__ = [
    "BadPolicy",
    "Certification",
    "Policy",
    "Subject",
    "certificate_body",
    "certify",
    "report_html",
]
