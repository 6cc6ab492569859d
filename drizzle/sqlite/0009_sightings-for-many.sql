CREATE TABLE `log_sightings` (
	`id` integer PRIMARY KEY NOT NULL,
	`times` text NOT NULL
);
