-- Who turns passwords, and ends the connections that were made with the old one.
CREATE USER IF NOT EXISTS rotator@'%' IDENTIFIED BY 'rotator-password';
GRANT CREATE USER, CONNECTION ADMIN, PROCESS ON *.* TO rotator@'%';
