CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
CREATE TABLE "binding" (
   "surface" TEXT,
   "external_id" TEXT,
   "thread" TEXT NOT NULL,
   PRIMARY KEY ("surface", "external_id")
);
CREATE TABLE "blob" (
   "sha256" TEXT PRIMARY KEY,
   "bytes" BLOB NOT NULL
);
CREATE TABLE "budget" (
   "scope" TEXT PRIMARY KEY,
   "spent" INTEGER NOT NULL,
   "reserved" INTEGER NOT NULL
);
CREATE TABLE "event" (
   "thread" TEXT,
   "seq" INTEGER,
   "kind" TEXT NOT NULL,
   "key" TEXT NOT NULL,
   "body" TEXT,
   "body_blob" TEXT,
   "ts" REAL NOT NULL,
   PRIMARY KEY ("thread", "seq")
);
CREATE TABLE "meta" (
   "key" TEXT PRIMARY KEY,
   "value" TEXT NOT NULL
);
CREATE TABLE "outbox" (
   "id" INTEGER PRIMARY KEY,
   "thread" TEXT NOT NULL,
   "key" TEXT NOT NULL,
   "surface" TEXT NOT NULL,
   "conversation" TEXT NOT NULL,
   "slot" TEXT NOT NULL,
   "state" TEXT NOT NULL,
   "external_id" TEXT NOT NULL,
   "error" TEXT NOT NULL,
   "payload" TEXT,
   "payload_blob" TEXT,
   "attempts" INTEGER NOT NULL
);
CREATE TABLE "reservation" (
   "key" TEXT PRIMARY KEY,
   "scopes" TEXT NOT NULL,
   "reserved" INTEGER NOT NULL,
   "spent" INTEGER,
   "created_at" REAL NOT NULL
);
CREATE TABLE "thread" (
   "id" TEXT PRIMARY KEY NOT NULL,
   "title" TEXT NOT NULL,
   "phase" TEXT NOT NULL,
   "status" TEXT NOT NULL,
   "owner" TEXT NOT NULL,
   "branch" TEXT NOT NULL,
   "pr" TEXT NOT NULL,
   "ready" INTEGER NOT NULL,
   "epoch" INTEGER NOT NULL,
   "created_at" REAL NOT NULL,
   "updated_at" REAL NOT NULL,
   "data" TEXT NOT NULL
);
CREATE TABLE "timer" (
   "thread" TEXT,
   "key" TEXT,
   "due" REAL NOT NULL,
   PRIMARY KEY ("thread", "key")
);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX "idx_binding_thread"
    ON "binding" ("thread");
CREATE UNIQUE INDEX "idx_event_thread_key"
    ON "event" ("thread", "key");
CREATE UNIQUE INDEX "idx_outbox_thread_key"
    ON "outbox" ("thread", "key");
CREATE INDEX "idx_thread_status_updated_at"
    ON "thread" ("status", "updated_at");
CREATE INDEX "idx_timer_due"
    ON "timer" ("due");
CREATE INDEX outbox_pending ON outbox (surface, id) WHERE state = 'pending';
CREATE INDEX outbox_slot ON outbox (thread, surface, conversation, slot, id) WHERE slot != '';
CREATE INDEX reservation_open ON reservation (key) WHERE spent IS NULL;
CREATE INDEX thread_ready ON thread (updated_at) WHERE ready = 1;
