//! GitLab's deploy and trigger tokens, which an admin turns, against the simulator.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::proxy::{Fate, Proxy};
use crate::saas::{ADMIN, apply, assert_turned, leak, work};
use crate::simulator::Simulator;
use crate::work::made_up;

/// GitLab's tokens that an admin turns: kind, template, parameters.
const TURNED: [(&str, &str, &str); 2] = [
    ("gitlab-deploy-token", "gldt-{base64url:20}", "project = \"7\", expires-at = \"2030-01-01\""),
    ("gitlab-trigger-token", "glptt-{hex:40}", "project = \"7\""),
];

#[test]
fn deploy_and_trigger_tokens_are_turned_by_an_admin_and_lost_answers_found() {
    for (seed, (provider, template, parameters)) in (40..).zip(TURNED) {
        let simulator = Simulator::start();
        simulator.token(ADMIN);
        let old = made_up(template, seed);
        simulator.token(&old);
        let lost = AtomicUsize::new(0);
        let proxy = Proxy::start(simulator.port, move |call| {
            let made = call.starts_with("POST /api/v4/projects/7/");
            match made && lost.fetch_add(1, Ordering::SeqCst) == 0 {
                true => Fate::Lose,
                false => Fate::Pass,
            }
        });
        let more = format!("admin = {{ env = \"ADMIN\" }}\nparameters = {{ {parameters} }}");
        let work = work(provider, proxy.port, &more);
        leak(&work, &old);
        let plan = work.plan(&[]);
        assert!(plan.stdout.contains("two-phase"), "{plan:?}");
        let run = apply(&work);
        assert_eq!(run.status, Some(0), "{provider}: {run:?}");
        assert_eq!(proxy.count("POST /api/v4/projects/7/"), 2, "{provider}: the lost one was removed, and made anew");
        assert_turned(&simulator, &work, &old);
    }
}

#[test]
fn law_1_a_trigger_that_the_admin_does_not_see_whole_is_not_touched() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    // In the project's list there is another one alone.
    simulator.token(&made_up("glptt-{hex:40}", 51));
    let (provider, template, parameters) = TURNED[1];
    let work =
        work(provider, simulator.port, &format!("admin = {{ env = \"ADMIN\" }}\nparameters = {{ {parameters} }}"));
    leak(&work, &made_up(template, 52));
    let plan = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("not proven to be the leaked value"), "{plan:?}");
    assert_eq!(simulator.with(|state| state.count("POST") + state.count("DELETE")), 0);
}
