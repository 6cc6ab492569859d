CREATE TABLE "builds" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"application_id" text NOT NULL,
	"board" text NOT NULL,
	"tag" text,
	"group_id" text NOT NULL,
	"status" text NOT NULL,
	"node" text NOT NULL,
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
CREATE TABLE "files" (
	"id" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"name" text NOT NULL,
	"mime_type" text NOT NULL,
	"extract" boolean NOT NULL,
	"sha256" text NOT NULL,
	"size" bigint NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "task_files" (
	"task_id" text NOT NULL,
	"file_id" text NOT NULL,
	"place" integer NOT NULL,
	CONSTRAINT "task_files_task_id_place_pk" PRIMARY KEY("task_id","place")
);
--> statement-breakpoint
CREATE TABLE "tasks" (
	"id" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"repo_id" text NOT NULL,
	"repo_owner" text NOT NULL,
	"repo_name" text NOT NULL,
	"release_asset" text NOT NULL,
	"made_for" text NOT NULL,
	"run_command" text NOT NULL,
	"container_image" text NOT NULL,
	"on_release" boolean NOT NULL,
	"publish_to" text,
	"status" text NOT NULL,
	"run" integer NOT NULL,
	"node" text,
	"again" boolean NOT NULL,
	"version" text,
	"container_id" text,
	"log_start" bigint,
	"log_sha256" text,
	"log_size" bigint,
	"failure" text,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "builds" ADD CONSTRAINT "builds_application_id_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."applications"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "files" ADD CONSTRAINT "files_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "task_files" ADD CONSTRAINT "task_files_task_id_tasks_id_fk" FOREIGN KEY ("task_id") REFERENCES "public"."tasks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "task_files" ADD CONSTRAINT "task_files_file_id_files_id_fk" FOREIGN KEY ("file_id") REFERENCES "public"."files"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tasks" ADD CONSTRAINT "tasks_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tasks" ADD CONSTRAINT "tasks_publish_to_applications_id_fk" FOREIGN KEY ("publish_to") REFERENCES "public"."applications"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "builds_application" ON "builds" USING btree ("application_id","id");--> statement-breakpoint
CREATE INDEX "builds_status" ON "builds" USING btree ("status");--> statement-breakpoint
CREATE INDEX "builds_source" ON "builds" USING btree ("source_sha256");--> statement-breakpoint
CREATE INDEX "builds_log" ON "builds" USING btree ("log_sha256");--> statement-breakpoint
CREATE INDEX "files_user" ON "files" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "files_bytes" ON "files" USING btree ("sha256");--> statement-breakpoint
CREATE INDEX "task_files_file" ON "task_files" USING btree ("file_id");--> statement-breakpoint
CREATE INDEX "tasks_user" ON "tasks" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "tasks_repo" ON "tasks" USING btree ("repo_id");--> statement-breakpoint
CREATE INDEX "tasks_status" ON "tasks" USING btree ("status");--> statement-breakpoint
CREATE INDEX "tasks_log" ON "tasks" USING btree ("log_sha256");--> statement-breakpoint
CREATE INDEX "tasks_publish_to" ON "tasks" USING btree ("publish_to");