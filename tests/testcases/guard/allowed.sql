-- Statements that the same policy must let through.

-- columns that show
SELECT uid, username FROM users

-- all columns that show
SELECT * FROM users

-- all columns of one of two
SELECT u.*, g.groupname FROM users AS u JOIN groups AS g ON g.gid = u.gid

-- * in a sub-select
SELECT username FROM (SELECT * FROM users) WHERE uid = 0

-- * in a WITH
WITH a AS (SELECT * FROM users) SELECT * FROM a

-- the other name of a table, without the column
SELECT * FROM hosts

-- a count
SELECT count(*) FROM users

-- an alias of a hidden name that is only shown
SELECT username AS uuid FROM users

-- a column of that name which is the statement's own
SELECT uuid FROM (SELECT 'a' AS uuid)

-- a WITH of a denied name
WITH curl AS (SELECT 1 AS url) SELECT url FROM curl

-- a recursive WITH
WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a WHERE x < 5) SELECT x FROM a

-- a sub-select over * whose outer query has a column of a hidden name, which it then means
WITH a AS (SELECT * FROM users) SELECT (SELECT uuid FROM a LIMIT 1) AS x FROM (SELECT 'a' AS uuid)

-- words in a text
SELECT 'SELECT uuid FROM users; DROP TABLE curl' AS x

-- text in double quotes, as packs write it
SELECT uid FROM users WHERE username = "root"

-- joins by name where nothing is hidden
SELECT groupname FROM groups JOIN (SELECT 0 AS gid) USING (gid)

-- a table-valued function
SELECT value FROM json_each('[1, 2]')

-- windows and aggregates
SELECT username, rank() OVER (ORDER BY uid) AS place FROM users

-- a comment and a semicolon at the end
SELECT 1 AS a; -- done

-- a comment that never ends, as SQLite reads it
SELECT 1 AS a /* and so on
