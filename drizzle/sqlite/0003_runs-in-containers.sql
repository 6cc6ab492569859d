CREATE TABLE `builds` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`application_id` text NOT NULL,
	`board` text NOT NULL,
	`tag` text,
	`group_id` text NOT NULL,
	`status` text NOT NULL,
	`source_sha256` text NOT NULL,
	`source_size` integer NOT NULL,
	`log_start` integer,
	`log_sha256` text,
	`log_size` integer,
	`failure` text,
	`created_at` integer NOT NULL,
	`ended_at` integer,
	FOREIGN KEY (`application_id`) REFERENCES `applications`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `builds_application` ON `builds` (`application_id`,`id`);--> statement-breakpoint
CREATE INDEX `builds_status` ON `builds` (`status`);--> statement-breakpoint
CREATE INDEX `builds_source` ON `builds` (`source_sha256`);--> statement-breakpoint
CREATE INDEX `builds_log` ON `builds` (`log_sha256`);