CREATE TABLE "builds" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"application_id" text NOT NULL,
	"board" text NOT NULL,
	"tag" text,
	"group_id" text NOT NULL,
	"status" text NOT NULL,
	"source_sha256" text NOT NULL,
	"source_size" integer NOT NULL,
	"log_start" bigint,
	"log_sha256" text,
	"log_size" bigint,
	"failure" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "builds" ADD CONSTRAINT "builds_application_id_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."applications"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "builds_application" ON "builds" USING btree ("application_id","id");--> statement-breakpoint
CREATE INDEX "builds_status" ON "builds" USING btree ("status");--> statement-breakpoint
CREATE INDEX "builds_source" ON "builds" USING btree ("source_sha256");--> statement-breakpoint
CREATE INDEX "builds_log" ON "builds" USING btree ("log_sha256");