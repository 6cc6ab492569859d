CREATE TABLE `log_chains` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`application_id` text NOT NULL,
	`total` integer NOT NULL,
	`seq` integer NOT NULL,
	`hash` text NOT NULL,
	`signature` text NOT NULL,
	`anchor_seq` integer NOT NULL,
	`anchor_hash` text NOT NULL,
	`anchor_signature` text NOT NULL,
	FOREIGN KEY (`application_id`) REFERENCES `applications`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `log_chains_application` ON `log_chains` (`application_id`);--> statement-breakpoint
CREATE TABLE `log_devices` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`device_id` text NOT NULL,
	`last_seen_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `log_devices_device` ON `log_devices` (`device_id`);--> statement-breakpoint
CREATE TABLE `log_intake` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`reports` text NOT NULL
);
--> statement-breakpoint
PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_log_entries` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`log` integer,
	`device` integer,
	`type` text NOT NULL,
	`payload` text NOT NULL,
	`at` integer NOT NULL,
	`seq` integer,
	`hash` text
);
--> statement-breakpoint
INSERT INTO `log_chains` (`application_id`, `total`, `seq`, `hash`, `signature`, `anchor_seq`, `anchor_hash`, `anchor_signature`)
SELECT `application_id`, count(*), 0, '', '', 0, '', '' FROM `log_entries` WHERE `application_id` IS NOT NULL GROUP BY `application_id`;--> statement-breakpoint
INSERT INTO `log_devices` (`device_id`, `last_seen_at`) SELECT `id`, `last_seen_at` FROM `devices` WHERE `last_seen_at` IS NOT NULL;--> statement-breakpoint
INSERT INTO `__new_log_entries`("id", "log", "device", "type", "payload", "at")
SELECT `log_entries`.`id`, `log_chains`.`id`, `log_devices`.`id`, `type`, `payload`, `at` FROM `log_entries`
LEFT JOIN `log_chains` ON `log_chains`.`application_id` = `log_entries`.`application_id`
LEFT JOIN `log_devices` ON `log_devices`.`device_id` = `log_entries`.`device_id`;--> statement-breakpoint
DROP TABLE `log_entries`;--> statement-breakpoint
ALTER TABLE `__new_log_entries` RENAME TO `log_entries`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE INDEX `log_entries_of_device` ON `log_entries` (`device`,`id`);--> statement-breakpoint
CREATE INDEX `log_entries_of_log` ON `log_entries` (`log`,`id`);--> statement-breakpoint
CREATE INDEX `log_entries_type` ON `log_entries` (`type`,`id`) WHERE device is null;--> statement-breakpoint
CREATE INDEX `log_entries_log_type` ON `log_entries` (`log`,`type`,`id`) WHERE device is null;--> statement-breakpoint
ALTER TABLE `applications` ADD `description` text;--> statement-breakpoint
ALTER TABLE `applications` ADD `domain` text;--> statement-breakpoint
ALTER TABLE `applications` ADD `stack` text;--> statement-breakpoint
ALTER TABLE `applications` ADD `is_active` integer DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE `applications` ADD `api_key_hash` text;--> statement-breakpoint
ALTER TABLE `applications` ADD `updated_at` integer;--> statement-breakpoint
CREATE UNIQUE INDEX `applications_api_key` ON `applications` (`api_key_hash`);--> statement-breakpoint
ALTER TABLE `devices` DROP COLUMN `last_seen_at`;