//! The page about errors: each code, what it means and what to do.

use crate::Manual;
use crate::groups::constants;
use crate::header::{Item, Kind};
use crate::page::Page;

pub fn write(page: &mut dyn Page, manual: &Manual) {
    page.names(&["smtpclient-errors"], "what each error of smtpclient means, and what to do");
    page.section("DESCRIPTION");
    page.prose(
        "Every function that can fail gives one of these codes, or leaves it for \
         smtp_last_error_code(). smtp_client_last_error() has the message that belongs to it: what \
         failed, where, and what the server or the system said.",
    );
    page.paragraph(
        "smtp_error_is_temporary() tells whether it makes sense to try again later without a change.",
    );
    page.subsection("Codes");
    page.list(&constants(&of(manual, "SMTP_E_")));
    page.subsection("Details");
    page.prose(
        "smtp_client_last_error_detail() and smtp_transaction_error_detail() tell errors of one code \
         apart.",
    );
    page.list(&constants(&of(manual, "SMTP_DETAIL_")));
    page.section("SEE ALSO");
    page.see(&["smtpclient", "smtpclient-reply", "smtpclient-thread-error"]);
}

fn of<'a>(manual: &'a Manual, beginning: &str) -> Vec<&'a Item> {
    manual.header.of_kind(Kind::Constant).filter(|item| item.name.starts_with(beginning)).collect()
}
