CREATE TABLE `builds` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`application_id` text NOT NULL,
	`board` text NOT NULL,
	`tag` text,
	`group_id` text NOT NULL,
	`status` text NOT NULL,
	`node` text NOT NULL,
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
CREATE INDEX `builds_log` ON `builds` (`log_sha256`);--> statement-breakpoint
CREATE TABLE `files` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`mime_type` text NOT NULL,
	`extract` integer NOT NULL,
	`sha256` text NOT NULL,
	`size` integer NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `files_user` ON `files` (`user_id`);--> statement-breakpoint
CREATE INDEX `files_bytes` ON `files` (`sha256`);--> statement-breakpoint
CREATE TABLE `task_files` (
	`task_id` text NOT NULL,
	`file_id` text NOT NULL,
	`place` integer NOT NULL,
	PRIMARY KEY(`task_id`, `place`),
	FOREIGN KEY (`task_id`) REFERENCES `tasks`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`file_id`) REFERENCES `files`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `task_files_file` ON `task_files` (`file_id`);--> statement-breakpoint
CREATE TABLE `tasks` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`repo_id` text NOT NULL,
	`repo_owner` text NOT NULL,
	`repo_name` text NOT NULL,
	`release_asset` text NOT NULL,
	`made_for` text NOT NULL,
	`run_command` text NOT NULL,
	`container_image` text NOT NULL,
	`on_release` integer NOT NULL,
	`publish_to` text,
	`status` text NOT NULL,
	`run` integer NOT NULL,
	`node` text,
	`again` integer NOT NULL,
	`version` text,
	`container_id` text,
	`log_start` integer,
	`log_sha256` text,
	`log_size` integer,
	`failure` text,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`publish_to`) REFERENCES `applications`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE INDEX `tasks_user` ON `tasks` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `tasks_repo` ON `tasks` (`repo_id`);--> statement-breakpoint
CREATE INDEX `tasks_status` ON `tasks` (`status`);--> statement-breakpoint
CREATE INDEX `tasks_log` ON `tasks` (`log_sha256`);--> statement-breakpoint
CREATE INDEX `tasks_publish_to` ON `tasks` (`publish_to`);