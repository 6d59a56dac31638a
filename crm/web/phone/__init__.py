"""The phone: a shell that opens without signal, and what it carries along."""

from crm.web.phone.carrying import PhoneDataPage
from crm.web.phone.shell import PhonePage

views = [PhonePage, PhoneDataPage]
