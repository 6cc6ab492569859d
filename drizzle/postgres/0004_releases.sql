CREATE TABLE "clients" (
	"application_id" text NOT NULL,
	"client_id" text NOT NULL,
	"architecture" text NOT NULL,
	"version" text NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "clients_application_id_client_id_architecture_pk" PRIMARY KEY("application_id","client_id","architecture")
);
--> statement-breakpoint
CREATE TABLE "releases" (
	"id" text PRIMARY KEY NOT NULL,
	"application_id" text NOT NULL,
	"architecture" text NOT NULL,
	"version" text NOT NULL,
	"rank" text NOT NULL,
	"url" text,
	"sha256" text,
	"size" bigint,
	"notes" text,
	"disabled" boolean DEFAULT false NOT NULL,
	"successes" integer DEFAULT 0 NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "votes" (
	"release_id" text NOT NULL,
	"client_id" text NOT NULL,
	"success" boolean NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "votes_release_id_client_id_pk" PRIMARY KEY("release_id","client_id")
);
--> statement-breakpoint
ALTER TABLE "clients" ADD CONSTRAINT "clients_application_id_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."applications"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_application_id_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."applications"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "votes" ADD CONSTRAINT "votes_release_id_releases_id_fk" FOREIGN KEY ("release_id") REFERENCES "public"."releases"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "releases_version" ON "releases" USING btree ("application_id","architecture","rank");--> statement-breakpoint
CREATE INDEX "releases_latest" ON "releases" USING btree ("application_id","architecture","disabled","rank");--> statement-breakpoint
CREATE INDEX "releases_application" ON "releases" USING btree ("application_id","id");--> statement-breakpoint
CREATE INDEX "releases_bytes" ON "releases" USING btree ("sha256");