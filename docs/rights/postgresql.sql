-- Who turns passwords. From version 16 on it must administer the roles that it turns: the last line, for each of them.
CREATE ROLE rotator LOGIN CREATEROLE PASSWORD 'rotator-password';
GRANT pg_signal_backend TO rotator;
GRANT app TO rotator WITH ADMIN OPTION;
