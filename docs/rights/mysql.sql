-- Who turns passwords, sees whether an account has a second one, and ends the connections that were made with the old one.
CREATE USER IF NOT EXISTS rotator@'%' IDENTIFIED BY 'rotator-password';
GRANT CREATE USER, CONNECTION_ADMIN, PROCESS ON *.* TO rotator@'%';
GRANT SELECT (User, Host, plugin, User_attributes) ON mysql.user TO rotator@'%';
