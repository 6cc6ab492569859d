CREATE TABLE `cli_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`hash` text NOT NULL,
	`extract` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `cli_keys_name` ON `cli_keys` (`user_id`,`name`);--> statement-breakpoint
CREATE TABLE `maintainers` (
	`package_id` text NOT NULL,
	`user_id` text NOT NULL,
	PRIMARY KEY(`package_id`, `user_id`),
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `maintainers_user` ON `maintainers` (`user_id`);--> statement-breakpoint
CREATE TABLE `package_terms` (
	`term` text NOT NULL,
	`name` text NOT NULL,
	PRIMARY KEY(`term`, `name`)
);
--> statement-breakpoint
CREATE TABLE `packages` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`maintainer_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`latest_id` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `packages_name` ON `packages` (`name`);--> statement-breakpoint
CREATE TABLE `recipes` (
	`id` text PRIMARY KEY NOT NULL,
	`package_id` text NOT NULL,
	`version` text NOT NULL,
	`revision` text NOT NULL,
	`recipe` text NOT NULL,
	`maintainer_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`archive` text NOT NULL,
	`awaited_until` integer,
	`sha256` text,
	`md5` text,
	`size` integer,
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `recipes_revision` ON `recipes` (`package_id`,`version`,`revision`);--> statement-breakpoint
CREATE INDEX `recipes_bytes` ON `recipes` (`sha256`);--> statement-breakpoint
CREATE INDEX `recipes_awaited` ON `recipes` (`awaited_until`);--> statement-breakpoint
CREATE TABLE `versions` (
	`package_id` text NOT NULL,
	`version` text NOT NULL,
	`rank` text NOT NULL,
	`is_release` integer NOT NULL,
	`published_at` integer NOT NULL,
	`yanked_at` integer,
	PRIMARY KEY(`package_id`, `version`),
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `versions_rank` ON `versions` (`package_id`,`rank`);--> statement-breakpoint
CREATE INDEX `versions_latest` ON `versions` (`package_id`,`is_release`,`rank`);--> statement-breakpoint
ALTER TABLE `users` ADD `github_id` text;--> statement-breakpoint
ALTER TABLE `users` ADD `avatar_url` text;--> statement-breakpoint
CREATE UNIQUE INDEX `users_github` ON `users` (`github_id`);