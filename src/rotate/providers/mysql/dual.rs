//! MySQL's second passwords: the old one is retained beside the new one until it is discarded. An account has one place for
//! it, so who is in the middle of another change keeps it, and a statement whose answer was lost must be over before anybody
//! asks what became of it.

use super::{Fault, Mysql, literal, refused, stored};
use crate::rotate::escrow::Material;
use crate::rotate::providers::mysql_wire::Session;
use crate::rotate::providers::{Call, Provider as _, Subject, random_text};
use crate::rotate::run::Step;
use crate::rotate::types::{Outcome, Probe, Report};
use crate::secret::Secret;

/// The one way to log in whose passwords are turned: MySQL's own since 8.0.
const PLUGIN: &str = "caching_sha2_password";

/// The calls of a run, for the plan.
pub(super) fn calls(account: &str, by: &str) -> Vec<Call> {
    let issue = format!("ALTER USER {account} IDENTIFIED WITH {PLUGIN} AS … RETAIN CURRENT PASSWORD");
    let delete = format!("ALTER USER {account} DISCARD OLD PASSWORD; KILL all connections of {account}");
    vec![Call::new("issue", issue, by, true), Call::new("delete", delete, by, false)]
}

/// How an account changes itself. Saying what is replaced proves that the leaked one is no second password.
pub(super) fn replace(old: &Material, new: &Secret) -> Result<String, Report> {
    let text =
        |secret: Option<&Secret>| secret.and_then(|secret| std::str::from_utf8(secret.expose()).ok().map(literal));
    match (text(Some(new)), text(old.get("value"))) {
        (Some(new), Some(old)) => Ok(format!("SET PASSWORD = {new} REPLACE {old}")),
        _ => Err(Report::refused("the password is no text: give the target an admin")),
    }
}

fn value(material: Option<&Material>) -> Result<&Secret, Report> {
    material.and_then(|material| material.get("value")).ok_or_else(|| Report::refused("there is no such password"))
}

impl Mysql {
    /// A session in which nobody else of ours changes the account. The server lets go when the session is over, so a statement
    /// whose answer was lost is over too.
    pub(super) fn alone(&self, subject: &Subject<'_>) -> Result<Session, Report> {
        let asked = self.session(subject).and_then(|mut session| {
            let name: String = format!("keysweep {}", subject.identity.id).chars().take(64).collect();
            let rows = session.query(&format!("SELECT GET_LOCK({}, 10)", literal(&name)))?;
            Ok((rows.first().and_then(|row| row.first().cloned().flatten()).as_deref() == Some("1"), session))
        });
        match asked {
            Ok((true, session)) => Ok(session),
            Ok((false, _)) => Err(Report::later("an earlier change of the account is still under way")),
            Err(Fault::Broken(note)) => Err(Report::later(note)), // nothing was changed
            Err(fault) => Err(refused(&fault)),
        }
    }

    /// Whether the account can have a second password: only while it has none.
    pub(super) fn check_dual(&self, subject: &Subject<'_>, version: &str) -> Result<(), Report> {
        let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or_default());
        let version_is = [(); 3].map(|()| numbers.next().unwrap_or_default());
        if version_is < [8, 0, 14] {
            return Err(Report::refused(format!(
                "{version} knows no second passwords: leave the admin out, or do it by hand"
            )));
        }
        let account = subject.identity.facts.get("account").and_then(|account| account.rsplit_once('@'));
        let Some((user, host)) = account else { return Err(Report::refused("the account is not known")) };
        let sql = format!(
            "SELECT plugin, User_attributes->>'$.additional_password' IS NOT NULL FROM mysql.user WHERE User = {} AND Host = {}",
            literal(user),
            literal(host)
        );
        let rows = match self.session(subject).and_then(|mut session| session.query(&sql)) {
            Ok(rows) => rows,
            Err(Fault::Server(1142 | 1143, _)) => {
                let rights = "GRANT SELECT (User, Host, plugin, User_attributes) ON mysql.user";
                return Err(Report::refused(format!("the admin may not read who has a second password ({rights})")));
            }
            Err(fault) => return Err(Report::later(fault.to_string())),
        };
        match rows.first().map(Vec::as_slice) {
            Some([Some(plugin), Some(second)]) if plugin == PLUGIN && second == "0" => Ok(()),
            Some([Some(plugin), _]) if plugin != PLUGIN => {
                Err(Report::refused(format!("the account logs in with {plugin}, not with {PLUGIN}: do it by hand")))
            }
            Some(_) => Err(Report::refused(format!(
                "the account has a second password already: somebody is turning it, or the leaked one is the second; when \
                 nobody needs it any more: ALTER USER {user}@{host} DISCARD OLD PASSWORD"
            ))),
            None => Err(Report::refused("the account is not there")),
        }
    }

    /// Runs changes in one session; what broke is unknown.
    fn changes(&self, subject: &Subject<'_>, statements: &[String], done: &str) -> Report {
        let mut session = match self.alone(subject) {
            Ok(session) => session,
            Err(report) => return report,
        };
        for (at, statement) in statements.iter().enumerate() {
            match session.query(statement) {
                Ok(_) => {}
                Err(fault @ Fault::Server(..)) if at == 0 => return refused(&fault),
                Err(fault) => return Report::unknown(fault.to_string()),
            }
        }
        Report::done(done)
    }

    fn becomes(account: &str, value: &[u8]) -> Result<String, Report> {
        let stored = stored::caching(value).map_err(|trouble| trouble.report())?;
        Ok(format!("ALTER USER {account} IDENTIFIED WITH '{PLUGIN}' AS '{stored}'"))
    }

    pub(super) fn act_dual(&self, step: Step, subject: &Subject<'_>, account: &str) -> Report {
        let discard = format!("ALTER USER {account} DISCARD OLD PASSWORD");
        let acted = || -> Result<Report, Report> {
            Ok(match step {
                Step::Issue => {
                    let mut sql = Self::becomes(account, value(subject.new)?.expose())?;
                    // What was revoked first, in an emergency, is not worth keeping.
                    match self.probe(subject.old) {
                        Probe::Live(_) => sql.push_str(" RETAIN CURRENT PASSWORD"),
                        Probe::Dead(_) => {}
                        Probe::Unknown(note) => return Err(Report::later(note)),
                    }
                    self.changes(subject, &[sql], "the account has a new password")
                }
                Step::Delete => {
                    // Revoked before there is a new one: nobody knows the password that it has then.
                    let statements = match subject.new {
                        Some(_) => vec![discard],
                        None => {
                            let unknown = random_text(40).map_err(|trouble| trouble.report())?;
                            vec![Self::becomes(account, unknown.as_bytes())?, discard]
                        }
                    };
                    let report = self.changes(subject, &statements, "discarded");
                    if report.outcome == Outcome::Done { self.end_connections(subject) } else { report }
                }
                Step::Discard => {
                    let statements = [Self::becomes(account, value(Some(subject.old))?.expose())?, discard];
                    self.changes(subject, &statements, "the account has its old password alone")
                }
                _ => Report::refused("there is no such step here"),
            })
        };
        acted().unwrap_or_else(|report| report)
    }
}
