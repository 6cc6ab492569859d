CREATE TABLE "run_logs" (
	"run" text NOT NULL,
	"start" bigint NOT NULL,
	"size" integer NOT NULL,
	"bytes" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "run_logs_run_start_pk" PRIMARY KEY("run","start")
);
--> statement-breakpoint
CREATE INDEX "run_logs_at" ON "run_logs" USING btree ("at");