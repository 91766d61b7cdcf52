//! Statements as applications send them: nothing in them is beyond what the text tells.

use super::told;
use crate::sql::effects::Effects;

/// SQLAlchemy with oslo.db, as OpenStack's services use it.
const OPENSTACK: &[&str] = &[
    "SET NAMES utf8",
    "SET AUTOCOMMIT = 0",
    "SET SESSION sql_mode = 'TRADITIONAL'",
    "SELECT DATABASE()",
    "SELECT @@transaction_isolation",
    "SELECT @@sql_mode",
    "SELECT @@lower_case_table_names",
    "SHOW VARIABLES LIKE 'sql_mode'",
    "SELECT CAST('test plain returns' AS CHAR(60)) AS anon_1",
    "SELECT CAST('test collated returns' AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin AS anon_1",
    "SELECT 'x' AS `some label`",
    "SELECT 1",
    "SHOW CREATE TABLE `alembic_version`",
    "SHOW FULL TABLES FROM `nova`",
    "DESCRIBE `nova`.`instances`",
    "SELECT services.created_at AS services_created_at, services.id AS services_id, services.host AS services_host \nFROM services \nWHERE services.deleted = 0 AND services.host = 'c1' AND services.`binary` = 'nova-compute' \n LIMIT 1",
    "SELECT anon_1.instances_id AS anon_1_instances_id, instance_extra_1.flavor AS instance_extra_1_flavor FROM (SELECT instances.id AS instances_id FROM instances WHERE instances.deleted = 0 AND instances.uuid = '6a1e' LIMIT 1) AS anon_1 LEFT OUTER JOIN instance_extra AS instance_extra_1 ON instance_extra_1.instance_uuid = anon_1.instances_id AND instance_extra_1.deleted = 0",
    "UPDATE services SET updated_at='2024-05-01 10:00:00.123456', report_count=(services.report_count + 1), last_seen_up='2024-05-01 10:00:00' WHERE services.id = 7",
    "UPDATE instances SET updated_at=instances.updated_at, deleted=instances.id, deleted_at=utc_timestamp() WHERE instances.deleted = 0 AND instances.uuid IN ('a', 'b')",
    "INSERT INTO reservations (created_at, updated_at, uuid, delta, expire) VALUES (now(), NULL, 'x', -1, '2024-05-01 10:00:00')",
    "INSERT INTO resource_providers (created_at, updated_at, uuid, name, generation) VALUES (%s, %s, %s, %s, %s) RETURNING resource_providers.id",
    "SELECT rp.id, rp.uuid, inv.resource_class_id, inv.total, usage.used FROM resource_providers AS rp INNER JOIN inventories AS inv ON rp.id = inv.resource_provider_id LEFT OUTER JOIN (SELECT allocations.resource_provider_id AS resource_provider_id, allocations.resource_class_id AS resource_class_id, sum(allocations.used) AS used FROM allocations GROUP BY allocations.resource_provider_id, allocations.resource_class_id) AS `usage` ON `usage`.resource_provider_id = rp.id WHERE rp.id IN (1, 2, 3) AND coalesce(`usage`.used, 0) + 4 <= (inv.total - inv.reserved) * inv.allocation_ratio",
    "SELECT CASE WHEN (token.expires < '2024-01-01') THEN 1 ELSE 0 END AS expired FROM token FOR UPDATE",
    "SELECT count(*) AS count_1 FROM (SELECT DISTINCT ports.id AS ports_id FROM ports INNER JOIN ml2_port_bindings ON ports.id = ml2_port_bindings.port_id WHERE ports.network_id = 'x' AND NOT (EXISTS (SELECT 1 FROM subnets WHERE subnets.id = ports.id))) AS anon_1",
    "DELETE FROM ipamallocationpools WHERE ipamallocationpools.id IN (SELECT ipamallocations.id FROM ipamallocations WHERE ipamallocations.ip_address = '10.0.0.5')",
    "SELECT GREATEST(a.x, 1), LEAST(a.y, 2), IF(a.z, 1, 0), JSON_EXTRACT(a.extra, '$.\"k\"') FROM a ORDER BY a.x IS NULL DESC, field(a.y, 3, 2, 1)",
    "SAVEPOINT sa_savepoint_1",
    "RELEASE SAVEPOINT sa_savepoint_1",
    "ROLLBACK TO SAVEPOINT sa_savepoint_1",
    "COMMIT",
    "ROLLBACK",
    "SELECT table_name FROM information_schema.tables WHERE table_schema='nova' AND table_type='BASE TABLE' AND CONVERT(table_name USING utf8mb4) = 'x'",
    "CREATE TABLE `alembic_version` (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
    "CREATE TABLE shadow_x (id INTEGER NOT NULL AUTO_INCREMENT, e ENUM('a','b') CHARACTER SET utf8, t DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), d NUMERIC(10, 2), PRIMARY KEY (id), UNIQUE (e), CHECK (id > 0), FOREIGN KEY(id) REFERENCES x (id) ON DELETE CASCADE) ENGINE=InnoDB CHARSET=utf8",
    "CREATE INDEX ix_x ON x (a(255), b DESC)",
    "ALTER TABLE x ADD CONSTRAINT uq_x UNIQUE (a, b), MODIFY c VARCHAR(255) NULL DEFAULT ''",
    "INSERT INTO x (a) SELECT y.a FROM y WHERE (y.a, y.b) NOT IN ((1, 2), (3, 4)) ON DUPLICATE KEY UPDATE a = VALUES(a), b = x.b + 1",
];

/// Django's ORM and migrations.
const DJANGO: &[&str] = &[
    "SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@sql_auto_is_null, @@lower_case_table_names, CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SELECT `django_session`.`session_key`, `django_session`.`session_data` FROM `django_session` WHERE (`django_session`.`expire_date` > '2024-01-01 00:00:00' AND `django_session`.`session_key` = 'x') LIMIT 21",
    "SELECT COUNT(*) AS `__count` FROM `auth_user`",
    "SELECT (1) AS `a` FROM `auth_user` WHERE `auth_user`.`id` = 1 LIMIT 1",
    "INSERT INTO `app_x` (`a`, `b`) VALUES (1, 'x'), (2, 'y') RETURNING `app_x`.`id`",
    "UPDATE `auth_user` SET `last_login` = '2024-01-01 00:00:00.000000', `n` = (`auth_user`.`n` + 1), `c` = CASE WHEN (`auth_user`.`id` = 1) THEN 'a' ELSE NULL END WHERE `auth_user`.`id` IN (1, 2)",
    "DELETE FROM `app_x` WHERE `app_x`.`id` IN (SELECT U0.`id` FROM `app_y` U0 WHERE U0.`a` LIKE BINARY '%x%')",
    "SELECT CAST(DATE_FORMAT(CONVERT_TZ(`a`.`d`, 'UTC', 'Europe/Berlin'), '%Y-%m-01') AS DATE) AS `m`, SUM(`a`.`v`) AS `s` FROM `a` GROUP BY 1 HAVING SUM(`a`.`v`) > 0 ORDER BY NULL",
    "SELECT ROW_NUMBER() OVER (PARTITION BY `a`.`b` ORDER BY `a`.`c` DESC) AS `n`, LAG(`a`.`v`, 1) OVER (ORDER BY `a`.`c`) FROM `a`",
    "SELECT * FROM `a` WHERE JSON_UNQUOTE(JSON_EXTRACT(`a`.`j`, '$.x')) = JSON_UNQUOTE('\"y\"') AND `a`.`s` REGEXP BINARY '^x'",
    "SELECT EXTRACT(YEAR FROM `a`.`d`), WEEKDAY(`a`.`d`) + 1, TIMESTAMPDIFF(MICROSECOND, `a`.`d`, `a`.`e`), TIME(`a`.`d`), INTERVAL 5 DAY + `a`.`d` FROM `a`",
    "SELECT CONCAT_WS('', `a`.`x`, `a`.`y`), SUBSTRING(`a`.`x`, 1, 3), CHAR_LENGTH(`a`.`x`), LPAD(`a`.`x`, 3, '0'), GROUP_CONCAT(`a`.`x` ORDER BY `a`.`x` ASC SEPARATOR ', ') FROM `a`",
    "SELECT STD(`a`.`v`), STDDEV_SAMP(`a`.`v`), VAR_POP(`a`.`v`), AVG(DISTINCT `a`.`v`), BIT_XOR(`a`.`v`) FROM `a`",
    "SELECT SHA2(`a`.`x`, 256), MD5(`a`.`x`), POW(2, 3), LOG(2, 8), CEILING(1.5), ATAN2(1, 2), NULLIF(1, 1), RAND(), SIGN(-1), TRUNCATE(1.5, 1) FROM `a`",
    "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'x' AND table_schema = DATABASE()",
    "SELECT kc.`constraint_name`, kc.`column_name` FROM information_schema.key_column_usage AS kc WHERE kc.table_schema = DATABASE() ORDER BY kc.`ordinal_position`",
    "SHOW INDEX FROM `app_x`",
    "SHOW FULL TABLES",
    "ALTER TABLE `app_x` ADD CONSTRAINT `app_x_fk` FOREIGN KEY (`a_id`) REFERENCES `app_a` (`id`)",
    "CREATE TABLE `app_x` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `j` longtext NULL CHECK (JSON_VALID(`j`)), `u` char(32) NOT NULL)",
    "SAVEPOINT `s139_x1`",
    "SET foreign_key_checks=0",
];

/// Rails' Active Record.
const RAILS: &[&str] = &[
    "SET  @@SESSION.sql_mode = CONCAT(CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), ',NO_AUTO_VALUE_ON_ZERO'),  @@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483",
    "SET NAMES utf8mb4",
    "SELECT VERSION()",
    "SHOW FULL FIELDS FROM `users`",
    "SHOW KEYS FROM `users`",
    "SHOW CREATE TABLE `users`",
    "SHOW TABLES LIKE 'users'",
    "SELECT `users`.* FROM `users` WHERE `users`.`id` = 1 LIMIT 1 /* application:Shop,controller:users */",
    "SELECT 1 AS one FROM `users` WHERE `users`.`email` = BINARY 'x' LIMIT 1",
    "INSERT INTO `users` (`name`, `created_at`) VALUES ('x', '2024-01-01 00:00:00.000000')",
    "INSERT INTO `users` (`id`,`name`) VALUES (1, 'x') ON DUPLICATE KEY UPDATE `name`=VALUES(`name`),`updated_at`=(CASE WHEN (`name`<=>VALUES(`name`)) THEN `users`.updated_at ELSE CURRENT_TIMESTAMP(6) END)",
    "UPDATE `users` SET `users`.`n` = COALESCE(`users`.`n`, 0) + 1 WHERE `users`.`id` = 1",
    "SELECT COUNT(DISTINCT `users`.`id`) FROM `users` LEFT OUTER JOIN `posts` ON `posts`.`user_id` = `users`.`id` WHERE (posts.title LIKE '%x%') AND (`users`.`age` BETWEEN 1 AND 5)",
    "SELECT `users`.* FROM `users` WHERE `users`.`id` > 5 ORDER BY `users`.`id` ASC LIMIT 1000 FOR UPDATE SKIP LOCKED",
    "SAVEPOINT active_record_1",
    "CREATE TABLE `users` (`id` bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, `name` varchar(255), `created_at` datetime(6) NOT NULL, INDEX `index_users_on_name` (`name`)) ENGINE=InnoDB",
    "SELECT CASE WHEN COUNT(*) > 0 THEN 1 ELSE 0 END FROM `ar_internal_metadata`",
    "SELECT fk.referenced_table_name AS 'to_table' FROM information_schema.key_column_usage fk JOIN information_schema.referential_constraints rc USING (constraint_schema, constraint_name) WHERE fk.table_schema = database()",
];

/// Laravel's Eloquent, Doctrine and other PHP.
const PHP: &[&str] = &[
    "set names 'utf8mb4' collate 'utf8mb4_unicode_ci'",
    "set session sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    "use `shop`;",
    "select * from `users` where `email` = ? and `users`.`deleted_at` is null limit 1",
    "select `users`.*, (select count(*) from `posts` where `users`.`id` = `posts`.`user_id`) as `posts_count` from `users` where exists (select * from `roles` inner join `role_user` on `roles`.`id` = `role_user`.`role_id`) order by `id` desc limit 15 offset 30",
    "insert into `jobs` (`queue`, `attempts`, `payload`) values (?, ?, ?)",
    "insert ignore into `tags` (`name`) values (?), (?)",
    "select * from `jobs` where `queue` = ? and ((`reserved_at` is null and `available_at` <= ?) or (`reserved_at` <= ?)) order by `id` asc limit 1 FOR UPDATE SKIP LOCKED",
    "update `cache` set `expiration` = ?, `value` = ? where `key` = ?",
    "delete from `sessions` where `last_activity` <= ?",
    "select table_name as `name`, (data_length + index_length) as `size`, table_comment as `comment` from information_schema.tables where table_schema = 'x' and table_type in ('BASE TABLE', 'SYSTEM VERSIONED') order by table_name",
    "SELECT t0.id AS id_1, t0.name AS name_2 FROM customer t0 WHERE t0.email = ? LIMIT 1",
    "SELECT c0_.id AS id_0, COUNT(c1_.id) AS sclr_1, CONCAT(c0_.a, ' ', c0_.b) AS sclr_2 FROM customer c0_ LEFT JOIN c c1_ ON c0_.id = c1_.customer_id AND (c1_.x = 1) GROUP BY c0_.id HAVING sclr_1 > 2",
    "START TRANSACTION",
    "SET FOREIGN_KEY_CHECKS=0",
    "SELECT MAX(`batch`) AS aggregate FROM `migrations`",
    "select distinct `a`, min(`b`), max(`c`) from `t` where json_contains(`j`, ?, '$.\"a\"') and year(`d`) = ? and date(`d`) >= ? group by `a`",
];

/// WordPress.
const WORDPRESS: &[&str] = &[
    "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_520_ci'",
    "SELECT @@SESSION.sql_mode",
    "SET SESSION sql_mode='NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'",
    "SELECT option_name, option_value FROM wp_options WHERE autoload IN ( 'yes', 'on', 'auto-on', 'auto' )",
    "SELECT SQL_CALC_FOUND_ROWS  wp_posts.ID\n\t\t\t\t\t FROM wp_posts  LEFT JOIN wp_term_relationships ON (wp_posts.ID = wp_term_relationships.object_id)\n\t\t\t\t\t WHERE 1=1  AND ( wp_term_relationships.term_taxonomy_id IN (1,2) ) AND ((wp_posts.post_type = 'post' AND (wp_posts.post_status = 'publish')))\n\t\t\t\t\t GROUP BY wp_posts.ID ORDER BY wp_posts.menu_order, CAST(wp_postmeta.meta_value AS CHAR) LIMIT 0, 10",
    "SELECT FOUND_ROWS()",
    "INSERT INTO `wp_options` (`option_name`, `option_value`, `autoload`) VALUES ('_transient_x', 'a:1:{s:1:\"a\";}', 'no') ON DUPLICATE KEY UPDATE `option_name` = VALUES(`option_name`), `option_value` = VALUES(`option_value`)",
    "SELECT YEAR(post_date) AS `year`, MONTH(post_date) AS `month`, count(ID) as posts FROM wp_posts GROUP BY YEAR(post_date), MONTH(post_date) ORDER BY post_date DESC",
    "DELETE a, b FROM wp_options a, wp_options b WHERE a.option_name LIKE '\\\\_transient\\\\_%' AND b.option_name = CONCAT( '_transient_timeout_', SUBSTRING( a.option_name, 12 ) ) AND b.option_value < 1700000000",
    "SELECT t.*, tt.* FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE tt.taxonomy IN ('category') ORDER BY FIELD( t.term_id, 3,2,1 )",
    "SHOW FULL COLUMNS FROM `wp_options`",
    "SHOW TABLES LIKE 'wp\\\\_posts'",
    "CREATE TABLE wp_x ( id bigint(20) unsigned NOT NULL auto_increment, k varchar(255) default NULL, PRIMARY KEY  (id), KEY k (k(191)) ) DEFAULT CHARACTER SET utf8mb4",
];

/// Hibernate, jOOQ and the Java drivers.
const JAVA: &[&str] = &[
    "set autocommit=0, session_track_schema=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
    "/* mysql-connector-java-8.0.33 */SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@max_allowed_packet AS max_allowed_packet, @@time_zone AS time_zone, @@session.tx_isolation AS transaction_isolation, @@wait_timeout AS wait_timeout",
    "SET character_set_results = NULL",
    "SET autocommit=1",
    "select @@session.tx_read_only",
    "set session transaction read only",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "/* ping */ SELECT 1",
    "select u1_0.id,u1_0.name,r1_0.id from users u1_0 left join roles r1_0 on r1_0.id=u1_0.role_id where u1_0.name like ? escape '' and u1_0.id in (?,?,?) order by u1_0.id limit ?,?",
    "select next_val as id_val from hibernate_sequence for update",
    "update hibernate_sequence set next_val= ? where next_val=?",
    "insert into users (name,id) values (?,?)",
    "select coalesce(sum(a1_0.v),0),cast(a1_0.d as date),extract(hour from a1_0.d),locate(?,a1_0.s),concat(a1_0.s,'x'),dayofmonth(a1_0.d) from a a1_0 group by 2,3 having count(*)>?",
    "select e1_0.id from e e1_0 where (select count(1) from f f1_0 where f1_0.e_id=e1_0.id)>0 and timestampadd(second,5,e1_0.d)<now() for update",
    "with recursive t (a,b) as (select id,parent from c where id=? union all select c.id,c.parent from c join t on c.parent=t.a) select a,b from t",
    "select `alias_1`.`a`, row_number() over (order by `alias_1`.`a` rows between unbounded preceding and current row) from (select 1 as `a` union all select 2) as `alias_1`",
    "SELECT TABLE_SCHEMA TABLE_CAT, NULL TABLE_SCHEM, TABLE_NAME, IF(TABLE_TYPE='BASE TABLE' or TABLE_TYPE='SYSTEM VERSIONED', 'TABLE', TABLE_TYPE) as TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME LIKE ? ORDER BY TABLE_TYPE",
];

/// mysqldump and mariadb-dump, written and loaded again.
const DUMP: &[&str] = &[
    "/*!40100 SET @@SQL_MODE='' */",
    "/*!40103 SET TIME_ZONE='+00:00' */",
    "FLUSH /*!40101 LOCAL */ TABLES",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */",
    "SHOW VARIABLES LIKE 'gtid\\_mode'",
    "SELECT LOGFILE_GROUP_NAME, FILE_NAME FROM INFORMATION_SCHEMA.FILES WHERE FILE_TYPE = 'UNDO LOG' AND FILE_NAME IS NOT NULL ORDER BY LOGFILE_GROUP_NAME",
    "SHOW CREATE DATABASE IF NOT EXISTS `d`",
    "SAVEPOINT sp",
    "show table status like 't'",
    "SET SQL_QUOTE_SHOW_CREATE=1",
    "SET SESSION character_set_results = 'binary'",
    "show create table `t`",
    "show fields from `t`",
    "SELECT /*!40001 SQL_NO_CACHE */ `a`, `b` FROM `t`",
    "ROLLBACK TO SAVEPOINT sp",
    "RELEASE SAVEPOINT sp",
    "LOCK TABLES `t` WRITE",
    "/*!40000 ALTER TABLE `t` DISABLE KEYS */",
    "INSERT INTO `t` VALUES (1,'x',NULL,0x00FF,_binary 'a\\'b'),(2,'y',NOW(),X'00',1.5e3)",
    "INSERT  IGNORE INTO `t` (`a`, `b`) VALUES (1,'x')",
    "UNLOCK TABLES",
    "DROP TABLE IF EXISTS `t`",
    "CREATE TABLE `t` (\n  `a` int(11) NOT NULL AUTO_INCREMENT,\n  `b` varchar(10) DEFAULT NULL,\n  `c` point NOT NULL,\n  PRIMARY KEY (`a`),\n  FULLTEXT KEY `b` (`b`),\n  SPATIAL KEY `c` (`c`)\n) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci\n PARTITION BY HASH (`a`)\nPARTITIONS 4",
    "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */\n/*!50001 VIEW `v` AS select f(1) AS `a` */",
    "CREATE DEFINER=`root`@`localhost` FUNCTION `f`(a INT) RETURNS int(11)\nBEGIN\n DECLARE x INT;\n IF a THEN SET x = g(1); END IF;\n RETURN x;\nEND",
];

/// mysqli, psql-like shells, exporters and monitoring.
const TOOLS: &[&str] = &[
    "select @@version_comment limit 1",
    "SELECT DATABASE(), USER(), CURRENT_USER(), CURRENT_ROLE(), VERSION()",
    "SHOW GLOBAL STATUS",
    "SHOW ENGINE INNODB STATUS",
    "SHOW FULL PROCESSLIST",
    "SHOW SLAVE STATUS",
    "SHOW ALL SLAVES STATUS",
    "SHOW BINARY LOGS",
    "SHOW MASTER STATUS",
    "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE TIMESTAMPDIFF(SECOND, trx_started, NOW()) > 60",
    "SELECT UNIX_TIMESTAMP(), UNIX_TIMESTAMP(NOW(6)), UTC_TIMESTAMP(), SYSDATE(6), CURDATE(), CURTIME()",
    "SELECT table_schema, SUM(data_length + index_length) / POWER(1024, 2) FROM information_schema.tables GROUP BY 1 WITH ROLLUP",
    "SELECT IFNULL(SUM(IF(command = 'Sleep', 1, 0)), 0) FROM information_schema.processlist WHERE user NOT IN ('system user')",
    "EXPLAIN FORMAT=JSON SELECT * FROM t WHERE a IN (1, 2)",
    "ANALYZE TABLE t",
    "CHECKSUM TABLE t",
    "OPTIMIZE TABLE t",
    "KILL QUERY 5",
    "SELECT ST_AsText(ST_Buffer(ST_GeomFromText('POINT(1 1)'), 2)), POINT(1, 2), ST_Distance(a, b) FROM t WHERE MBRContains(g, POINT(1, 2)) AND ST_Within(a, b)",
    "SELECT JSON_ARRAYAGG(a), JSON_OBJECTAGG(a, b), JSON_OBJECT('a', 1), JSON_ARRAY(1, 2), JSON_SET(j, '$.a', 1), JSON_VALUE(j, '$.a'), JSON_TABLE.x FROM JSON_TABLE('[]', '$[*]' COLUMNS (x INT PATH '$.x', NESTED PATH '$.y' COLUMNS (z INT PATH '$'))) AS JSON_TABLE",
    "SELECT COLUMN_GET(COLUMN_CREATE('a', 1), 'a' AS INT), COLUMN_JSON(d), INET_ATON('1.2.3.4'), INET6_NTOA(i), UUID(), SYS_GUID(), NVL(a, b), NVL2(a, b, c), DECODE_ORACLE(a, b, c), TO_CHAR(d, 'YYYY'), REGEXP_REPLACE(a, b, c), NATURAL_SORT_KEY(a), SFORMAT('{}', a), CRC32C(a), RANDOM_BYTES(8) FROM t",
    "SELECT AES_ENCRYPT('a', 'b'), FROM_BASE64(TO_BASE64('a')), HEX(UNHEX('00')), COMPRESS('a'), ELT(1, 'a'), MAKE_SET(1, 'a'), FORMAT(1, 2), SOUNDEX('a'), CHARSET(a), COLLATION(a), COERCIBILITY(a), WEIGHT_STRING(a AS CHAR(3)), BIN(1), OCT(1), CONV(1, 2, 3), EXPORT_SET(1, 'a', 'b') FROM t",
    "SELECT MEDIAN(a) OVER (PARTITION BY b), FIRST_VALUE(a) OVER (ORDER BY b), NTILE(4) OVER (ORDER BY b), CUME_DIST() OVER (ORDER BY b), NTH_VALUE(a, 2) OVER w FROM t WINDOW w AS (ORDER BY b)",
    "SELECT * FROM t PARTITION (p0) FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-01 00:00:00' WHERE a SOUNDS LIKE 'b'",
    "DELETE HISTORY FROM t BEFORE SYSTEM_TIME '2024-01-01'",
    "UPDATE t FOR PORTION OF p FROM '2024-01-01' TO '2025-01-01' SET a = 1",
    "UPDATE a JOIN b USING (id) SET a.x = b.x, a.y = DEFAULT(a.y) WHERE a.z IN (SELECT z FROM c)",
    "INSERT INTO t SET a = 1, b = DEFAULT, c = (SELECT MAX(c) FROM u)",
    "TRUNCATE TABLE t",
    "CREATE USER 'a'@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('x')",
    "GRANT SELECT, INSERT (a, b) ON d.* TO 'a'@'%' WITH GRANT OPTION",
];

const ALL: [&[&str]; 8] = [OPENSTACK, DJANGO, RAILS, PHP, WORDPRESS, JAVA, DUMP, TOOLS];

#[test]
fn ordinary_statements_are_seen_through() {
    for text in ALL.into_iter().flatten() {
        let effects = told(text).effects;
        assert!(!effects.intersects(Effects::ROUTINE | Effects::USER_VARIABLE), "{text}: {effects:?}");
    }
}

#[test]
fn ordinary_statements_take_nothing_that_has_to_be_kept() {
    let kept = Effects::TAKES_USER_LOCK
        | Effects::CREATES_TEMPORARY
        | Effects::PREPARES
        | Effects::SEQUENCE
        | Effects::OPENS_HANDLER
        | Effects::BACKUP;
    for text in ALL.into_iter().flatten() {
        let effects = told(text).effects;
        assert!(!effects.intersects(kept), "{text}: {effects:?}");
    }
}
