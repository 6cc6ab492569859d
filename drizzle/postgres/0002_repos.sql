CREATE TABLE "release_assets" (
	"id" text PRIMARY KEY NOT NULL,
	"repo_id" text NOT NULL,
	"github_id" bigint NOT NULL,
	"place" integer NOT NULL,
	"name" text NOT NULL,
	"url" text NOT NULL,
	"size" bigint NOT NULL,
	"digest" text,
	"sha256" text
);
--> statement-breakpoint
CREATE TABLE "repos" (
	"id" text PRIMARY KEY NOT NULL,
	"owner_name" text NOT NULL,
	"name" text NOT NULL,
	"key" text NOT NULL,
	"moved_to" text,
	"is_public" boolean NOT NULL,
	"latest_version" text NOT NULL,
	"etag" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"checked_at" timestamp (3) with time zone NOT NULL,
	"next_check_at" timestamp (3) with time zone NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"failure" text
);
--> statement-breakpoint
CREATE TABLE "watchers" (
	"user_id" text NOT NULL,
	"repo_id" text NOT NULL,
	"current_version" text NOT NULL,
	"added_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "watchers_user_id_repo_id_pk" PRIMARY KEY("user_id","repo_id")
);
--> statement-breakpoint
ALTER TABLE "notices" ADD COLUMN "repo_id" text;--> statement-breakpoint
ALTER TABLE "release_assets" ADD CONSTRAINT "release_assets_repo_id_repos_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "watchers" ADD CONSTRAINT "watchers_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "watchers" ADD CONSTRAINT "watchers_repo_id_repos_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "release_assets_github" ON "release_assets" USING btree ("repo_id","github_id");--> statement-breakpoint
CREATE INDEX "release_assets_bytes" ON "release_assets" USING btree ("sha256");--> statement-breakpoint
CREATE UNIQUE INDEX "repos_key" ON "repos" USING btree ("key");--> statement-breakpoint
CREATE INDEX "repos_due" ON "repos" USING btree ("is_public","next_check_at");--> statement-breakpoint
CREATE INDEX "watchers_repo" ON "watchers" USING btree ("repo_id");