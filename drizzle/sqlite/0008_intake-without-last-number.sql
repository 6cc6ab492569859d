PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_log_intake` (
	`id` integer PRIMARY KEY NOT NULL,
	`reports` text NOT NULL
);
--> statement-breakpoint
INSERT INTO `__new_log_intake`("id", "reports") SELECT "id", "reports" FROM `log_intake`;--> statement-breakpoint
DROP TABLE `log_intake`;--> statement-breakpoint
ALTER TABLE `__new_log_intake` RENAME TO `log_intake`;--> statement-breakpoint
PRAGMA foreign_keys=ON;