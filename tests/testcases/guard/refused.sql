-- Statements that no caller may get past a guard with: the policy of tests/engines/attack/target.py
-- denies the tables curl, carves, yara_file, augeas, file, hash, the columns users.uuid,
-- users.description, processes.cmdline, processes.path, osquery_schedule.denylisted (also called
-- blacklisted), etc_hosts.hostnames, and the functions md5 and sha1.

-- Denied tables, by every way of writing a name

-- plain
SELECT * FROM curl

-- with its required column
SELECT result FROM curl WHERE url = 'http://192.0.2.1/'

-- quoted
SELECT * FROM "curl"

-- in brackets
SELECT * FROM [curl]

-- in backticks
SELECT * FROM `curl`

-- as a text
SELECT * FROM 'curl'

-- in capitals
SELECT * FROM CuRl

-- with a database
SELECT * FROM main.curl

-- with another database
SELECT * FROM temp.curl

-- called like a function
SELECT * FROM curl('http://192.0.2.1/')

-- with comments between
SELECT/**/*/**/FROM/**/curl

-- with comments to the end of lines
SELECT * -- all
FROM curl -- of it

-- by an alias
SELECT c.result FROM curl AS c WHERE c.url = 'x'

-- by the view of another name
SELECT * FROM yara

-- by the view of another name, whose table is denied by that name
SELECT * FROM configurations

-- by the table behind a denied view
SELECT * FROM augeas

-- in a join
SELECT users.uid FROM users JOIN curl ON curl.url = users.username

-- in a join that gives nothing
SELECT users.uid FROM users LEFT JOIN curl ON 0

-- with a comma
SELECT users.uid FROM users, curl

-- in parentheses
SELECT uid FROM (users JOIN curl)

-- reached by USING only
SELECT 1 FROM (SELECT 'http://192.0.2.1/' AS url) JOIN curl USING (url)

-- reached by NATURAL JOIN only
SELECT 1 FROM (SELECT 'http://192.0.2.1/' AS url) NATURAL JOIN curl

-- a carve started by a read, USING
SELECT 1 FROM (SELECT '/etc/shadow' AS path, 1 AS carve) JOIN carves USING (path, carve)

-- a carve started by a read, NATURAL
SELECT 1 FROM (SELECT '/etc/shadow' AS path, 1 AS carve) NATURAL JOIN carves

-- IN a table
SELECT 'x' IN curl

-- IN a table, negated
SELECT uid FROM users WHERE username NOT IN curl

-- a row IN a table
SELECT (1, 2) IN curl

-- in a scalar sub-select
SELECT (SELECT result FROM curl WHERE url = 'x')

-- in a sub-select of FROM
SELECT * FROM (SELECT * FROM curl)

-- in EXISTS
SELECT uid FROM users WHERE EXISTS (SELECT 1 FROM curl WHERE url = username)

-- in IN
SELECT uid FROM users WHERE username IN (SELECT url FROM curl)

-- in ORDER BY
SELECT uid FROM users ORDER BY (SELECT count(*) FROM curl)

-- in GROUP BY
SELECT count(*) FROM users GROUP BY (SELECT count(*) FROM curl)

-- in HAVING
SELECT uid FROM users GROUP BY uid HAVING (SELECT count(*) FROM curl) = 0

-- in LIMIT
SELECT uid FROM users LIMIT (SELECT count(*) FROM curl)

-- in OFFSET
SELECT uid FROM users LIMIT 1 OFFSET (SELECT count(*) FROM curl)

-- in CASE
SELECT CASE WHEN 0 THEN (SELECT count(*) FROM curl) END

-- in a function's argument
SELECT coalesce((SELECT count(*) FROM curl), 1)

-- in a window
SELECT sum(uid) OVER (ORDER BY (SELECT count(*) FROM curl)) FROM users

-- in FILTER
SELECT count(*) FILTER (WHERE (SELECT count(*) FROM curl) = 0) FROM users

-- in ON
SELECT users.uid FROM users JOIN groups ON (SELECT count(*) FROM curl) = 0

-- in the argument of a table-valued function
SELECT value FROM json_each((SELECT result FROM curl WHERE url = 'x'))

-- in VALUES
VALUES ((SELECT count(*) FROM curl))

-- in a UNION
SELECT uid FROM users UNION SELECT url FROM curl

-- in an EXCEPT
SELECT uid FROM users EXCEPT SELECT url FROM curl

-- in a WITH
WITH a AS (SELECT * FROM curl) SELECT * FROM a

-- in a WITH that is named otherwise than it looks
WITH users AS (SELECT * FROM curl) SELECT * FROM users

-- beside a WITH of its name
WITH curl AS (SELECT 1 AS url) SELECT * FROM main.curl

-- inside a WITH of its name
WITH curl AS (SELECT * FROM main.curl) SELECT * FROM curl

-- in a recursive WITH
WITH RECURSIVE a(x) AS (SELECT url FROM curl UNION ALL SELECT x FROM a) SELECT * FROM a

-- a WITH of its name that ends before it is used
SELECT (WITH curl AS (SELECT 1 AS url) SELECT url FROM curl) FROM curl

-- a WITH of its name in a sub-select beside it
SELECT * FROM (WITH curl AS (SELECT 1 AS url) SELECT * FROM curl), curl

-- in a materialized WITH that is not used
WITH a AS MATERIALIZED (SELECT * FROM curl) SELECT 1 FROM a

-- SQLite's own tables and functions

-- the schema
SELECT sql FROM sqlite_schema

-- the schema by its old name
SELECT sql FROM sqlite_master

-- the temporary schema
SELECT sql FROM sqlite_temp_schema

-- the schema by USING
SELECT 1 FROM (SELECT 'users' AS name) JOIN sqlite_schema USING (name)

-- a pragma as a table
SELECT * FROM pragma_table_info('users')

-- the list of functions
SELECT * FROM pragma_function_list

-- the databases with their files
SELECT file FROM pragma_database_list

-- a pragma
PRAGMA table_info(users)

-- a pragma that changes something
PRAGMA writable_schema = ON

-- bytes of tables
SELECT * FROM sqlite_dbpage

-- memory as a table
SELECT * FROM carray(1, 1)

-- Denied functions

-- plain
SELECT md5('a')

-- in capitals
SELECT MD5('a')

-- quoted
SELECT "md5"('a')

-- in a condition that is never true
SELECT uid FROM users WHERE 0 AND sha1('a') = ''

-- in ORDER BY
SELECT uid FROM users ORDER BY sha1(username)

-- one that holds the engine
SELECT sleep(5)

-- one that copies files away
SELECT carve(shell) FROM users

-- one that loads code
SELECT load_extension('/tmp/x.so')

-- one that reads files
SELECT readfile('/etc/shadow')

-- one that SQLite holds back
SELECT sqlite_compileoption_get(1)

-- one that works for minutes in one step
SELECT json_patch('{}', '{}')

-- Hidden columns

-- plain
SELECT uuid FROM users

-- in double quotes
SELECT "uuid" FROM users

-- in brackets
SELECT [uuid] FROM users

-- in backticks
SELECT `uuid` FROM users

-- in capitals
SELECT UUID FROM users

-- with the table
SELECT users.uuid FROM users

-- with table and database
SELECT main.users.uuid FROM users

-- with the table in double quotes
SELECT "users"."uuid" FROM users

-- by an alias
SELECT u.uuid FROM users AS u

-- by another name of the column
SELECT blacklisted FROM osquery_schedule

-- by another name of the table
SELECT hostnames FROM hosts

-- in WHERE only
SELECT uid FROM users WHERE uuid LIKE 'a%'

-- in double quotes, in WHERE only
SELECT uid FROM users WHERE "uuid" LIKE 'a%'

-- in ORDER BY only
SELECT uid FROM users ORDER BY uuid

-- in GROUP BY only
SELECT count(*) FROM users GROUP BY uuid

-- in HAVING only
SELECT gid FROM users GROUP BY gid HAVING max(uuid) > 'b'

-- in FILTER only
SELECT count(*) FILTER (WHERE uuid = 'alpha') FROM users

-- in a window only
SELECT row_number() OVER (ORDER BY uuid) FROM users

-- in a named window only
SELECT row_number() OVER w FROM users WINDOW w AS (PARTITION BY uuid)

-- in the order of an aggregate
SELECT group_concat(username ORDER BY uuid) FROM users

-- in ON only
SELECT groups.gid FROM groups JOIN users ON users.uuid = groups.groupname

-- in USING
SELECT 1 FROM (SELECT 'alpha' AS uuid) JOIN users USING (uuid)

-- in a NATURAL JOIN
SELECT count(*) FROM (SELECT 'alpha' AS uuid) NATURAL JOIN users

-- in a NATURAL JOIN the other way round
SELECT count(*) FROM users NATURAL JOIN (SELECT 'alpha' AS uuid)

-- in a NATURAL JOIN of the table with itself
SELECT count(*) FROM users AS a NATURAL JOIN users AS b

-- in a sub-select whose outer query has a column of the name
SELECT (SELECT uuid FROM users LIMIT 1) FROM (SELECT 'a' AS uuid)

-- in an EXISTS whose outer query has a column of the name
SELECT 1 FROM (SELECT 'alpha' AS uuid) WHERE EXISTS (SELECT 1 FROM users WHERE uuid = 'alpha')

-- an alias of the name, which WHERE takes for the column
SELECT 'a' AS uuid, uid FROM users WHERE uuid LIKE 'a%'

-- an alias of the name, which GROUP BY takes for the column
SELECT 'a' AS uuid, count(*) FROM users GROUP BY uuid

-- an alias of the name, which an expression of ORDER BY takes for the column
SELECT uid, 'a' AS uuid FROM users ORDER BY uuid || ''

-- an alias of the name, which HAVING takes for the column
SELECT gid, 'a' AS uuid FROM users GROUP BY gid HAVING uuid > 'b'

-- two tables that have the name where the hidden column is missing
SELECT uuid FROM system_info, users

-- in a row value
SELECT (uid, uuid) = (0, 'alpha') FROM users

-- IN the table
SELECT (0, 'alpha') IN users

-- the table as a set of the columns that show
SELECT (0, 0, 0, 0, 'root', '', 'sh') IN users

-- in a sub-select over *
SELECT uuid FROM (SELECT * FROM users)

-- renamed by a WITH over *
WITH a(a, b, c, d, e, f, g, h, i) AS (SELECT * FROM users) SELECT h FROM a

-- in an argument of a table-valued function
SELECT value FROM users, json_each(json_array(uuid))

-- in LIMIT
SELECT uid FROM users LIMIT (SELECT length(uuid) FROM users LIMIT 1)

-- in a UNION
SELECT username FROM users UNION SELECT uuid FROM users

-- in a recursive WITH
WITH RECURSIVE a(x) AS (SELECT uuid FROM users UNION SELECT x FROM a) SELECT x FROM a

-- What is no single SELECT

-- a write that gives rows back
DELETE FROM users RETURNING uuid

-- an insertion that gives rows back
INSERT INTO users(uid) VALUES (1) RETURNING uuid

-- a change behind a WITH
WITH a AS (SELECT 1) UPDATE users SET uid = 1 RETURNING uuid

-- a table
CREATE TABLE a AS SELECT * FROM users

-- a view
CREATE TEMP VIEW a AS SELECT uuid FROM users

-- a trigger
CREATE TRIGGER a BEFORE INSERT ON users BEGIN SELECT 1; END

-- another file
ATTACH '/etc/passwd' AS a

-- a copy of it all
VACUUM INTO '/tmp/a'

-- a second statement
SELECT 1; SELECT uuid FROM users

-- a second statement behind a comment
SELECT 1; /* */ SELECT uuid FROM users

-- a second statement behind a comment to the end of the line
SELECT 1; --
SELECT uuid FROM users

-- a second statement before a comment that never ends
SELECT 1; SELECT uuid FROM users /*

-- a second statement between comments
SELECT 1 /* ; */; /* ; */ SELECT uuid FROM users /* ; */

-- the plan
EXPLAIN SELECT uuid FROM users

-- the plan in words
EXPLAIN QUERY PLAN SELECT uuid FROM users

-- a parameter
SELECT uid FROM users WHERE username = ?

-- nothing
;

-- a comment that never ends
/* SELECT 1
