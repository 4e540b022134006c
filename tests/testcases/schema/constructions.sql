-- Statements in SQL of every shape; the last line of each block holds the types of its columns (?: no rule).

SELECT (SELECT pid FROM processes LIMIT 1) p, EXISTS (SELECT 1) e
integer integer

SELECT (SELECT max(name) FROM processes WHERE uid = u.uid) FROM users u
text

SELECT (SELECT u.username) FROM users u
text

SELECT x FROM (SELECT pid x FROM processes UNION SELECT 0.5)
double

SELECT pid FROM processes EXCEPT SELECT 'a'
integer

SELECT pid FROM processes UNION SELECT uid FROM users UNION ALL SELECT NULL
integer

WITH RECURSIVE c(n, s) AS (VALUES (1, '') UNION ALL SELECT n * 1.5, s || 'x' FROM c)
SELECT n, s FROM c LIMIT 3
double text

WITH RECURSIVE up AS (
  SELECT pid, parent FROM processes
  UNION SELECT p.pid, p.parent FROM processes p JOIN up ON p.pid = up.parent
) SELECT * FROM up
integer integer

SELECT CASE uid WHEN 0 THEN 'root' ELSE username END, CASE WHEN 1 THEN uid END FROM users
text integer

SELECT uid IS NOT NULL AND NOT gid, uid NOT IN (1, 2), uid NOT BETWEEN 1 AND 2 OR 1,
  username NOT LIKE 'a%' ESCAPE '!', uid ISNULL, uid NOT NULL, uid IS NOT DISTINCT FROM 1 FROM users
integer integer integer integer integer integer integer

SELECT 1+2*3, 1+2||3, -uid%2, ~1.5, +username, 1/2.0, username COLLATE NOCASE FROM users
integer double integer integer text double text

SELECT count(*) FILTER (WHERE uid > 1) c, sum(uid) OVER (PARTITION BY gid ORDER BY uid),
  lag(username, 1, '') OVER w FROM users WINDOW w AS (ORDER BY uid)
integer integer text

SELECT group_concat(DISTINCT username), group_concat(username, ',' ORDER BY uid) FROM users
text text

SELECT CAST(uid AS UNSIGNED BIGINT), CAST(1 AS VARCHAR(20)), CAST('1' AS DECIMAL(10,5)) FROM users
integer text double

SELECT -9223372036854775808, 9223372036854775808, 0xffff, 1_000, 1e2, .5, x'00', NULL
integer double integer integer double double text ?

SELECT CURRENT_TIMESTAMP, true, "uid", [uid], `uid`, users.uid, main.users.uid FROM users
text integer integer integer integer integer integer

SELECT value, key, type, id FROM json_each('[1]')
? ? text integer

SELECT json_extract(x, '$.a') || '', '{}'->'a', '{}'->>'a' FROM (SELECT '{}' x)
text text ?

SELECT "count(*)" + 1, s."count(*)" FROM (SELECT count(*) FROM users) s
integer integer

SELECT pid /* , 'x' */ , -- 'y'
 name FROM processes
integer text

SELECT users.uid, left.pid FROM users LEFT OUTER JOIN processes AS left ON left.uid = users.uid
integer integer

SELECT p.pid FROM processes p WHERE p.name IN (SELECT username FROM users) ORDER BY 1
integer

SELECT sum(s) FROM (SELECT total_size s FROM processes UNION ALL SELECT 1)
integer

SELECT denied_mask, parent, max(parent, 1), parent + 1, coalesce(parent, NULL) FROM apparmor_events
text unsigned integer integer unsigned

SELECT replace(name, 'a', 'b') name, iif(pid, pid, 0.5) FROM processes
text double

VALUES (1, 'a'), (2.5, NULL)
double text

SELECT u.*, 'x' || pid key FROM (SELECT uid, username FROM users) u JOIN processes USING (uid)
integer text text

SELECT max(CASE WHEN name = 'a' THEN pid END) a, min(start_time) - max(start_time) b,
  100.0 * sum(resident_size) / total(total_size) c FROM processes GROUP BY uid HAVING count(*) > 1
integer integer double

SELECT datetime(start_time, 'unixepoch') started, unixepoch() - start_time age,
  (julianday('now') - 2440587.5) * 86400 now FROM processes
text integer double

SELECT split(path, '/', 0) top, regex_match(cmdline, 'x(.)', 1) x,
  version_compare('1.0', '1.1') < 0 old, in_cidr_block('10.0.0.0/8', '10.1.2.3') inside FROM processes
text text integer integer

SELECT one.pid, one.n + two.n both
FROM (SELECT pid, count(*) n FROM process_open_files GROUP BY pid) AS one
JOIN (SELECT pid, sum(fd) n FROM process_open_sockets GROUP BY pid) AS two ON one.pid = two.pid
integer integer

SELECT address, hostnames FROM hosts UNION SELECT address, NULL FROM etc_hosts
text text

SELECT percent_disk_space_free FROM (SELECT 1.0 * blocks_available / blocks percent_disk_space_free FROM mounts)
double

WITH a(x) AS (SELECT 1), b AS (SELECT x, 'y' y FROM a), c AS (SELECT * FROM b UNION ALL SELECT 2.5, 3)
SELECT c.*, (SELECT y FROM b) FROM c
double text text

SELECT latitude.one, latitude.period FROM (SELECT average one, period FROM load_average) latitude
text text

SELECT ((uid)), (SELECT uid) u, - -uid m, NOT EXISTS (SELECT 1 FROM groups) n FROM users
integer integer integer integer

WITH b AS (SELECT n + 1 m FROM a), a AS (SELECT pid n FROM processes) SELECT m, n FROM b, a
integer integer

WITH RECURSIVE t(x) AS (SELECT NULL UNION ALL SELECT coalesce(x, 0) + 0.5 FROM t) SELECT x FROM t LIMIT 9
double

WITH unused AS (SELECT (1, 2) = (3, 4), json_extract('{}', '$') j) SELECT uid FROM users
integer
