//! `GET_LOCK('x')` by A is not granted to B while A is idle; it is released when A releases it, releases all, or disconnects.

use super::play::Play;
use super::stage::Stage;
use crate::support::eventually;
use crate::support::response::Kind;

/// Others ask for the locks and give back at once what they got.
fn asked_by_others(stage: &mut Stage<'_>) {
    stage.others(|other| {
        other.say("SELECT GET_LOCK('b07_x', 0)");
        other.say("SELECT IS_FREE_LOCK('b07_x'), IS_USED_LOCK('b07_x') IS NULL");
        other.say("SELECT RELEASE_LOCK('b07_x'), GET_LOCK('b07_y', 0), RELEASE_LOCK('b07_y')");
    });
}

#[test]
fn b07_get_lock_is_held_and_released() {
    Play::new("b07").compare(|stage| {
        stage.a.say("CREATE FUNCTION takes() RETURNS INT NO SQL RETURN GET_LOCK('b07_x', 0)");
        let release = |sql: &'static str| vec![sql];
        let takes: [(&str, Vec<&str>); 7] = [
            ("SELECT GET_LOCK('b07_x', 0)", release("SELECT RELEASE_LOCK('b07_x')")),
            ("DO GET_LOCK('b07_x', 0), GET_LOCK('b07_y', 0)", release("SELECT RELEASE_ALL_LOCKS()")),
            ("SET @got = GET_LOCK(CONCAT('b07', '_x'), 0)", release("DO RELEASE_LOCK(CONCAT('b07', '_x'))")),
            ("SELECT takes()", release("SELECT RELEASE_LOCK('b07_x')")),
            (
                "SELECT get_lock/* a comment */ ('b07_x', 0), GET_LOCK('b07_x', 0)",
                vec!["SELECT RELEASE_LOCK('b07_x')", "SELECT RELEASE_LOCK('B07_X')"],
            ),
            (
                "SELECT GET_LOCK('b07_x', 0), GET_LOCK('b07_y', 0)",
                vec!["SELECT RELEASE_LOCK('b07_y')", "SELECT RELEASE_LOCK('b07_x')"],
            ),
            ("SELECT 1 WHERE GET_LOCK('b07_x', 0) = 1", release("DO RELEASE_ALL_LOCKS()")),
        ];
        for (take, releases) in takes {
            stage.a.say(take);
            stage.disturb_around();
            asked_by_others(stage);
            stage.a.say("SELECT IS_USED_LOCK('b07_x') IS NULL, IS_FREE_LOCK('b07_x')");
            for release in releases {
                stage.a.say(release);
                asked_by_others(stage);
            }
        }
        stage.a.say("SELECT RELEASE_LOCK('b07_x'), RELEASE_LOCK('b07_never'), RELEASE_LOCK(NULL)");
        stage.a.say("SET @got = NULL");
    });
}

#[test]
fn b07_a_released_lock_leaves_the_connection_to_others() {
    Play::new("b07_free").compare(|stage| {
        for (take, release) in [
            ("SELECT GET_LOCK('b07_free', 0)", "SELECT RELEASE_LOCK('b07_free')"),
            ("SELECT GET_LOCK('b07_free', 0)", "SELECT RELEASE_ALL_LOCKS()"),
            ("SELECT GET_LOCK('b07_free', 0), GET_LOCK('b07_free', 0)", "SELECT RELEASE_ALL_LOCKS()"),
        ] {
            stage.a.say(take);
            stage.a.say(release);
            stage.disturb();
        }
    });
}

#[test]
fn b07_get_lock_is_released_when_a_leaves_in_whatever_way() {
    Play::new("b07_leaves").compare(|stage| {
        let mut root = stage.root();
        for (number, vanishes) in [false, true, false, true].into_iter().enumerate() {
            let mut holder = stage.session("holder");
            holder.say("SELECT GET_LOCK('b07_leaves_x', 0)");
            if number > 1 {
                holder.say("BEGIN");
            }
            stage.others(|other| drop(other.say("SELECT IS_FREE_LOCK('b07_leaves_x')")));
            if vanishes {
                holder.vanish();
            } else {
                drop(holder);
            }
            eventually("the lock is free", || root.value("SELECT IS_FREE_LOCK('b07_leaves_x')") == "1");
            stage.others(|other| {
                drop(other.say("SELECT GET_LOCK('b07_leaves_x', 0), RELEASE_LOCK('b07_leaves_x')"));
            });
        }
        stage.disturb();
        stage.a.say("SELECT GET_LOCK('b07_leaves_x', 0)");
        stage.a.ask("reset connection", b"\x1f", Kind::One);
        stage.others(|other| drop(other.say("SELECT IS_FREE_LOCK('b07_leaves_x')")));
    });
}
