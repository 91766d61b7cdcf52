//! HANDLER OPEN/READ/CLOSE stays on one connection and is closed when A leaves.

use super::stage::Play;

#[test]
fn b17_a_handler_stays_with_a_until_it_is_closed() {
    Play::new("b17").compare(|stage| {
        stage.a.say("CREATE TABLE t (a INT PRIMARY KEY, b INT, KEY (b))");
        stage.a.say("INSERT INTO t SELECT seq, 10 - seq FROM mysql.seq_1_to_9");
        for (open, name) in [
            ("HANDLER t OPEN", "t"),
            ("HANDLER b17.t OPEN AS h", "h"),
            ("/* x */ HANDLER /*! t */ OPEN x", "x"),
        ] {
            stage.a.say(open);
            stage.disturb_around();
            for read in [
                "READ FIRST",
                "READ NEXT LIMIT 2",
                "READ `PRIMARY` >= (5)",
                "READ b FIRST WHERE a > 2",
                "READ b NEXT",
                "READ NEXT",
            ] {
                stage.a.tell(&format!("HANDLER {name} {read}"));
                stage.disturb_around();
            }
            let ask = format!("HANDLER {name} READ FIRST");
            stage.others(|other| drop(other.fails(&ask)));
            stage.a.say("SELECT COUNT(*) FROM t");
            stage.a.say(&format!("HANDLER {name} CLOSE"));
            stage.disturb();
            stage.a.fails(&ask);
        }
        stage.a.say("HANDLER t OPEN AS one");
        stage.a.say("HANDLER t OPEN AS two");
        stage.a.say("HANDLER one CLOSE");
        stage.disturb_around();
        stage.a.say("HANDLER two READ FIRST");
        stage.a.say("HANDLER two CLOSE");
        stage.disturb();
        stage.a.fails("HANDLER nowhere OPEN");
        stage.disturb();
    });
}

#[test]
fn b17_handlers_are_closed_when_a_leaves() {
    Play::new("b17_leaves").compare(|stage| {
        stage.a.say("CREATE TABLE t AS SELECT 1 AS a");
        for vanishes in [false, true, false] {
            let mut holder = stage.session("holder");
            holder.say("HANDLER t OPEN AS h");
            holder.say("HANDLER h READ NEXT");
            if vanishes {
                holder.vanish();
            } else {
                drop(holder);
            }
            stage.others(|other| drop(other.fails("HANDLER h READ NEXT")));
            stage.a.fails("HANDLER h READ FIRST");
            stage.a.say("ALTER TABLE t COMMENT = 'nothing is in the way'");
            stage.disturb();
        }
    });
}
