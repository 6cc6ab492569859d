CREATE TABLE `clients` (
	`application_id` text NOT NULL,
	`client_id` text NOT NULL,
	`architecture` text NOT NULL,
	`version` text NOT NULL,
	`seen_at` integer NOT NULL,
	PRIMARY KEY(`application_id`, `client_id`, `architecture`),
	FOREIGN KEY (`application_id`) REFERENCES `applications`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `releases` (
	`id` text PRIMARY KEY NOT NULL,
	`application_id` text NOT NULL,
	`architecture` text NOT NULL,
	`version` text NOT NULL,
	`rank` text NOT NULL,
	`url` text,
	`sha256` text,
	`size` integer,
	`notes` text,
	`disabled` integer DEFAULT false NOT NULL,
	`successes` integer DEFAULT 0 NOT NULL,
	`failures` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`application_id`) REFERENCES `applications`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `releases_version` ON `releases` (`application_id`,`architecture`,`rank`);--> statement-breakpoint
CREATE INDEX `releases_latest` ON `releases` (`application_id`,`architecture`,`disabled`,`rank`);--> statement-breakpoint
CREATE INDEX `releases_application` ON `releases` (`application_id`,`id`);--> statement-breakpoint
CREATE INDEX `releases_bytes` ON `releases` (`sha256`);--> statement-breakpoint
CREATE TABLE `votes` (
	`release_id` text NOT NULL,
	`client_id` text NOT NULL,
	`success` integer NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`release_id`, `client_id`),
	FOREIGN KEY (`release_id`) REFERENCES `releases`(`id`) ON UPDATE no action ON DELETE cascade
);
