CREATE TABLE "log_sightings" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"times" text NOT NULL
);
