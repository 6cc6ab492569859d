CREATE TABLE "log_journal" (
	"id" text PRIMARY KEY NOT NULL,
	"taken_up_to" bigint NOT NULL
);
