CREATE TABLE "log_chains" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"application_id" text NOT NULL,
	"total" bigint NOT NULL,
	"seq" bigint NOT NULL,
	"hash" text NOT NULL,
	"signature" text NOT NULL,
	"anchor_seq" bigint NOT NULL,
	"anchor_hash" text NOT NULL,
	"anchor_signature" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "log_devices" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"device_id" text NOT NULL,
	"last_seen_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "log_intake" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"reports" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "log_entries" DROP CONSTRAINT "log_entries_application_id_applications_id_fk";
--> statement-breakpoint
ALTER TABLE "log_entries" DROP CONSTRAINT "log_entries_device_id_devices_id_fk";
--> statement-breakpoint
DROP INDEX "log_entries_device";--> statement-breakpoint
DROP INDEX "log_entries_application";--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "description" text;--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "domain" text;--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "stack" text;--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "is_active" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "api_key_hash" text;--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "updated_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "log_entries" ADD COLUMN "log" bigint;--> statement-breakpoint
ALTER TABLE "log_entries" ADD COLUMN "device" bigint;--> statement-breakpoint
ALTER TABLE "log_entries" ADD COLUMN "seq" bigint;--> statement-breakpoint
ALTER TABLE "log_entries" ADD COLUMN "hash" text;--> statement-breakpoint
ALTER TABLE "log_chains" ADD CONSTRAINT "log_chains_application_id_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."applications"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "log_chains_application" ON "log_chains" USING btree ("application_id");--> statement-breakpoint
CREATE UNIQUE INDEX "log_devices_device" ON "log_devices" USING btree ("device_id");--> statement-breakpoint
CREATE UNIQUE INDEX "applications_api_key" ON "applications" USING btree ("api_key_hash");--> statement-breakpoint
CREATE INDEX "log_entries_of_device" ON "log_entries" USING btree ("device","id");--> statement-breakpoint
CREATE INDEX "log_entries_of_log" ON "log_entries" USING btree ("log","id");--> statement-breakpoint
CREATE INDEX "log_entries_type" ON "log_entries" USING btree ("type","id") WHERE device is null;--> statement-breakpoint
CREATE INDEX "log_entries_log_type" ON "log_entries" USING btree ("log","type","id") WHERE device is null;--> statement-breakpoint
INSERT INTO "log_chains" ("application_id", "total", "seq", "hash", "signature", "anchor_seq", "anchor_hash", "anchor_signature")
SELECT "application_id", count(*), 0, '', '', 0, '', '' FROM "log_entries" WHERE "application_id" IS NOT NULL GROUP BY "application_id";--> statement-breakpoint
INSERT INTO "log_devices" ("device_id", "last_seen_at") SELECT "id", "last_seen_at" FROM "devices" WHERE "last_seen_at" IS NOT NULL;--> statement-breakpoint
UPDATE "log_entries" SET
"log" = (SELECT "id" FROM "log_chains" WHERE "log_chains"."application_id" = "log_entries"."application_id"),
"device" = (SELECT "id" FROM "log_devices" WHERE "log_devices"."device_id" = "log_entries"."device_id");--> statement-breakpoint
ALTER TABLE "devices" DROP COLUMN "last_seen_at";--> statement-breakpoint
ALTER TABLE "log_entries" DROP COLUMN "application_id";--> statement-breakpoint
ALTER TABLE "log_entries" DROP COLUMN "device_id";