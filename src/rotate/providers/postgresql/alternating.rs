//! Two roles that take turns: how the second is made, and when that would not do.

use super::{Postgresql, first};
use crate::rotate::providers::Subject;
use crate::rotate::providers::pg_wire::{identifier, literal};
use crate::rotate::types::Report;

/// The mark of a run on a role.
pub(super) fn mark(run: &str) -> String {
    format!("keysweep rotation {run}")
}

/// The name of the other role: `app` and `app_b` take turns, `app_a` and `app_b` too.
pub(super) fn other_role(role: &str) -> String {
    match (role.strip_suffix("_a"), role.strip_suffix("_b")) {
        (Some(base), _) => format!("{base}_b"),
        (_, Some(base)) => format!("{base}_a"),
        _ => format!("{role}_b"),
    }
}

/// The statements that make the second role, with the memberships and settings of the first.
pub(super) fn create(old: &str, new: &str, verifier: &str, run: &str) -> String {
    // One transaction: the second role is there whole, with the mark of this run, or not at all.
    let (name, mark) = (identifier(new), literal(&mark(run)));
    format!(
        "BEGIN; CREATE ROLE {name} LOGIN PASSWORD {verifier}; COMMENT ON ROLE {name} IS {mark}; \
             DO $do$ DECLARE grp text; setting text; BEGIN \
             FOR grp IN SELECT pg_get_userbyid(roleid) FROM pg_auth_members WHERE member = (SELECT oid FROM pg_roles \
             WHERE rolname = {old}) LOOP EXECUTE format('GRANT %I TO %I', grp, {new}); END LOOP; \
             EXECUTE (SELECT format('ALTER ROLE %I CONNECTION LIMIT %s %s %s', {new}, rolconnlimit, \
             CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END, \
             CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE '' END) FROM pg_roles WHERE rolname = {old}); \
             END $do$; COMMIT",
        old = literal(old),
        new = literal(new),
    )
}

impl Postgresql {
    pub(super) fn check_alternating(&self, subject: &Subject<'_>, old: &str) -> Result<(), Report> {
        let new = other_role(old);
        if let Some(comment) = self.comment(subject, &new)?
            && comment != mark(subject.run)
        {
            return Err(Report::refused(format!(
                "role {new} is there already: drop it first, or find out whose it is"
            )));
        }
        let sql = format!(
            "SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = (SELECT oid FROM \
             pg_roles WHERE rolname = {})",
            literal(old)
        );
        match first(&self.ask(subject, &sql)?) {
            Some("0") => Ok(()),
            _ => Err(Report::refused(format!(
                "role {old} owns objects or has rights of its own, which role {new} would not have: give them to a group \
                 role that {old} is a member of, or turn `alternating-users` off"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::other_role;

    #[test]
    fn two_roles_take_turns() {
        assert_eq!(other_role("app"), "app_b");
        assert_eq!(other_role("app_b"), "app_a");
        assert_eq!(other_role("app_a"), "app_b");
    }
}
