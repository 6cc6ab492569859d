CREATE TABLE `run_logs` (
	`run` text NOT NULL,
	`start` integer NOT NULL,
	`size` integer NOT NULL,
	`bytes` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`run`, `start`)
);
--> statement-breakpoint
CREATE INDEX `run_logs_at` ON `run_logs` (`at`);