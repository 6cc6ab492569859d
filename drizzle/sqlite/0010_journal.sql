CREATE TABLE `log_journal` (
	`id` text PRIMARY KEY NOT NULL,
	`settled` integer NOT NULL
);
