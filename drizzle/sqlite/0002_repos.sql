CREATE TABLE `release_assets` (
	`id` text PRIMARY KEY NOT NULL,
	`repo_id` text NOT NULL,
	`github_id` integer NOT NULL,
	`place` integer NOT NULL,
	`name` text NOT NULL,
	`url` text NOT NULL,
	`size` integer NOT NULL,
	`digest` text,
	`sha256` text,
	FOREIGN KEY (`repo_id`) REFERENCES `repos`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `release_assets_github` ON `release_assets` (`repo_id`,`github_id`);--> statement-breakpoint
CREATE INDEX `release_assets_bytes` ON `release_assets` (`sha256`);--> statement-breakpoint
CREATE TABLE `repos` (
	`id` text PRIMARY KEY NOT NULL,
	`owner_name` text NOT NULL,
	`name` text NOT NULL,
	`key` text NOT NULL,
	`moved_to` text,
	`is_public` integer NOT NULL,
	`latest_version` text NOT NULL,
	`etag` text,
	`created_at` integer NOT NULL,
	`checked_at` integer NOT NULL,
	`next_check_at` integer NOT NULL,
	`failures` integer DEFAULT 0 NOT NULL,
	`failure` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `repos_key` ON `repos` (`key`);--> statement-breakpoint
CREATE INDEX `repos_due` ON `repos` (`is_public`,`next_check_at`);--> statement-breakpoint
CREATE TABLE `watchers` (
	`user_id` text NOT NULL,
	`repo_id` text NOT NULL,
	`current_version` text NOT NULL,
	`added_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `repo_id`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`repo_id`) REFERENCES `repos`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `watchers_repo` ON `watchers` (`repo_id`);--> statement-breakpoint
ALTER TABLE `notices` ADD `repo_id` text;