//! SET ROLE, SET PASSWORD, SET DEFAULT ROLE: A's role never applies to B.

use super::play::Play;
use super::stage::Stage;
use crate::support::server::PASSWORD;

const RIGHTS: &str = "SELECT CURRENT_ROLE(), CURRENT_USER()";
const SECRET: &str = "SELECT a FROM b16_secret.t";

fn roles(stage: &mut Stage<'_>, user: &str) {
    stage.root().run(&format!(
        "CREATE DATABASE IF NOT EXISTS b16_secret; CREATE OR REPLACE TABLE b16_secret.t AS SELECT 'secret' AS a; \
         CREATE ROLE IF NOT EXISTS {user}_r; CREATE ROLE IF NOT EXISTS {user}_s; \
         GRANT SELECT ON b16_secret.* TO {user}_r; GRANT {user}_r TO {user}; GRANT {user}_s TO {user}; SET DEFAULT ROLE NONE FOR {user}"
    ));
}

#[test]
fn b16_a_role_never_applies_to_others() {
    Play::new("b16").granted(&["ALL ON b16.*"]).compare(|stage| {
        roles(stage, "b16");
        stage.a.fails(SECRET);
        for (role, allowed) in [
            ("b16_r", true),
            ("b16_s", false),
            ("`b16_r`", true),
            ("NONE", false),
            ("'b16_r'", true),
            ("NONE", false),
        ] {
            stage.a.say(&format!("SET ROLE {role}"));
            stage.disturb_around();
            stage.a.say(RIGHTS);
            stage.others(|other| {
                other.say(RIGHTS);
                other.fails(SECRET);
            });
            stage.disturb_around();
            let answer = super::session::error_in(&stage.a.tell(SECRET));
            assert_eq!(answer.is_none(), allowed, "with role {role}: {answer:?}");
        }
        stage.a.fails("SET ROLE no_such_role");
        stage.disturb_around();
        stage.a.say(RIGHTS);
        stage.a.say("PREPARE p FROM 'SET ROLE b16_r'");
        stage.a.say("EXECUTE p");
        stage.a.say("DEALLOCATE PREPARE p");
        stage.disturb_around();
        stage.a.say(SECRET);
        stage.others(|other| drop(other.fails(SECRET)));
        let mut late = stage.session("late");
        late.say(RIGHTS);
        late.fails(SECRET);
    });
}

#[test]
fn b16_a_role_ends_with_its_session() {
    Play::new("b16_ends").granted(&["ALL ON b16_ends.*"]).compare(|stage| {
        roles(stage, "b16_ends");
        for vanishes in [false, true] {
            let mut holder = stage.session("holder");
            holder.say("SET ROLE b16_ends_r");
            holder.say(SECRET);
            if vanishes {
                holder.vanish();
            } else {
                drop(holder);
            }
            stage.others(|other| {
                other.say(RIGHTS);
                other.fails(SECRET);
            });
            stage.a.fails(SECRET);
            let mut late = stage.session("late");
            late.fails(SECRET);
            stage.disturb();
        }
    });
}

#[test]
fn b16_a_default_role_is_there_for_who_comes_later_and_not_before() {
    Play::new("b16_default").granted(&["ALL ON b16_default.*"]).compare(|stage| {
        roles(stage, "b16_default");
        stage.a.say("SET DEFAULT ROLE b16_default_r");
        stage.disturb_around();
        stage.a.say(RIGHTS);
        stage.others(|other| drop(other.fails(SECRET)));
        let mut late = stage.session("late");
        late.say(RIGHTS);
        late.say(SECRET);
        stage.a.say("SET DEFAULT ROLE NONE FOR CURRENT_USER");
        late.say(SECRET);
        drop(late);
        let mut latest = stage.session("latest");
        latest.say(RIGHTS);
        latest.fails(SECRET);
    });
}

#[test]
fn b16_setting_a_password_keeps_everybody_s_session() {
    Play::new("b16_password").compare(|stage| {
        stage.a.say(&format!("SET PASSWORD = PASSWORD('{PASSWORD}')"));
        stage.disturb_around();
        stage.a.say(&format!("/* again */ SET PASSWORD FOR CURRENT_USER = PASSWORD('{PASSWORD}')"));
        stage.a.fails("SET PASSWORD FOR nobody_knows_me = PASSWORD('x')");
        stage.disturb_around();
        stage.a.say("SELECT CURRENT_USER()");
        stage.others(|other| drop(other.say("SELECT CURRENT_USER()")));
        stage.session("late").say("SELECT CURRENT_USER()");
    });
}

/// What only a role allows is learned for nobody, and needs no role to stay.
#[test]
fn b16_a_variable_that_a_role_lets_a_set_is_refused_to_b_and_outlives_the_role() {
    Play::new("b16_variable").granted(&["ALL ON b16_variable.*"]).compare(|stage| {
        roles(stage, "b16_variable");
        stage.root().run("GRANT SUPER ON *.* TO b16_variable_r");
        stage.a.say("SET ROLE b16_variable_r");
        for set in ["SET SESSION sql_log_off = 1", "SET log_disabled_statements = 'slave'"] {
            stage.a.say(set);
            stage.disturb_around();
            stage.a.say("SELECT @@sql_log_off, @@log_disabled_statements");
            stage.b.fails(set);
            stage.disturb_around();
            stage.b.say("SELECT @@sql_log_off, @@log_disabled_statements");
        }
        stage.a.say("SET ROLE NONE");
        stage.disturb_around();
        stage.a.say("SELECT @@sql_log_off, @@log_disabled_statements, CURRENT_ROLE()");
    });
}
