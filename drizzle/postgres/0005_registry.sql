CREATE TABLE "cli_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"extract" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "maintainers" (
	"package_id" text NOT NULL,
	"user_id" text NOT NULL,
	CONSTRAINT "maintainers_package_id_user_id_pk" PRIMARY KEY("package_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "package_terms" (
	"term" text NOT NULL,
	"name" text NOT NULL,
	CONSTRAINT "package_terms_term_name_pk" PRIMARY KEY("term","name")
);
--> statement-breakpoint
CREATE TABLE "packages" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"maintainer_id" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"latest_id" text
);
--> statement-breakpoint
CREATE TABLE "recipes" (
	"id" text PRIMARY KEY NOT NULL,
	"package_id" text NOT NULL,
	"version" text NOT NULL,
	"revision" text NOT NULL,
	"recipe" text NOT NULL,
	"maintainer_id" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"archive" text NOT NULL,
	"awaited_until" timestamp (3) with time zone,
	"sha256" text,
	"md5" text,
	"size" bigint
);
--> statement-breakpoint
CREATE TABLE "versions" (
	"package_id" text NOT NULL,
	"version" text NOT NULL,
	"rank" text NOT NULL,
	"is_release" boolean NOT NULL,
	"published_at" timestamp (3) with time zone NOT NULL,
	"yanked_at" timestamp (3) with time zone,
	CONSTRAINT "versions_package_id_version_pk" PRIMARY KEY("package_id","version")
);
--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "github_id" text;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "avatar_url" text;--> statement-breakpoint
ALTER TABLE "cli_keys" ADD CONSTRAINT "cli_keys_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "maintainers" ADD CONSTRAINT "maintainers_package_id_packages_id_fk" FOREIGN KEY ("package_id") REFERENCES "public"."packages"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "maintainers" ADD CONSTRAINT "maintainers_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recipes" ADD CONSTRAINT "recipes_package_id_packages_id_fk" FOREIGN KEY ("package_id") REFERENCES "public"."packages"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "versions" ADD CONSTRAINT "versions_package_id_packages_id_fk" FOREIGN KEY ("package_id") REFERENCES "public"."packages"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "cli_keys_name" ON "cli_keys" USING btree ("user_id","name");--> statement-breakpoint
CREATE INDEX "maintainers_user" ON "maintainers" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "packages_name" ON "packages" USING btree ("name");--> statement-breakpoint
CREATE UNIQUE INDEX "recipes_revision" ON "recipes" USING btree ("package_id","version","revision");--> statement-breakpoint
CREATE INDEX "recipes_bytes" ON "recipes" USING btree ("sha256");--> statement-breakpoint
CREATE INDEX "recipes_awaited" ON "recipes" USING btree ("awaited_until");--> statement-breakpoint
CREATE INDEX "versions_rank" ON "versions" USING btree ("package_id","rank");--> statement-breakpoint
CREATE INDEX "versions_latest" ON "versions" USING btree ("package_id","is_release","rank");--> statement-breakpoint
CREATE UNIQUE INDEX "users_github" ON "users" USING btree ("github_id");