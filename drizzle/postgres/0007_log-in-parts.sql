CREATE TABLE "log_seen" (
	"device" bigint PRIMARY KEY NOT NULL,
	"last_seen_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
DROP INDEX "log_entries_of_device";--> statement-breakpoint
CREATE INDEX "log_entries_of_device_in_part" ON "log_entries" USING btree ((id >> 14),"device");--> statement-breakpoint
INSERT INTO "log_seen" ("device", "last_seen_at") SELECT "id", "last_seen_at" FROM "log_devices";--> statement-breakpoint
ALTER TABLE "log_devices" DROP COLUMN "last_seen_at";