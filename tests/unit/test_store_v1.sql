-- A store as the first version left it; the golden migration test reads it. Never edit.
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'codebutler.store','m001_threads','2026-11-21 06:00:00+00:00');
CREATE TABLE "binding" (
   "surface" TEXT,
   "external_id" TEXT,
   "thread" TEXT NOT NULL,
   PRIMARY KEY ("surface", "external_id")
);
INSERT INTO "binding" VALUES('slack','C1:1','t1');
CREATE TABLE "blob" (
   "sha256" TEXT PRIMARY KEY,
   "bytes" BLOB NOT NULL
);
INSERT INTO "blob" VALUES('d8898cc4d8c4239a77dfd1d625b3a209fcca036e6fafcda29df44f39cf5e7da3',X'2261206C6F6E67207465787422');
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
INSERT INTO "event" VALUES('t1',1,'thread_opened','opened','{"title": "Fix it"}',NULL,1700000000.5);
INSERT INTO "event" VALUES('t1',2,'message_received','slack:1',NULL,'d8898cc4d8c4239a77dfd1d625b3a209fcca036e6fafcda29df44f39cf5e7da3',1700000001.5);
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
INSERT INTO "outbox" VALUES(1,'t1','p1','slack','C1:1','card','sent','m1','','{}',NULL,1);
INSERT INTO "outbox" VALUES(2,'t1','p2','slack','C1:1','card','pending','','timeout','{"text": "hi"}',NULL,1);
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
INSERT INTO "thread" VALUES('t1','Fix it','pm','open','ana','codebutler/fix-it','7',1,3,1700000000.5,1700000001.5,'{}');
CREATE TABLE "timer" (
   "thread" TEXT,
   "key" TEXT,
   "due" REAL NOT NULL,
   PRIMARY KEY ("thread", "key")
);
INSERT INTO "timer" VALUES('t1','remind',1700009999.0);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX "idx_event_thread_key"
    ON "event" ("thread", "key");
CREATE INDEX "idx_thread_status_updated_at"
    ON "thread" ("status", "updated_at");
CREATE INDEX thread_ready ON thread (updated_at) WHERE ready = 1;
CREATE INDEX "idx_binding_thread"
    ON "binding" ("thread");
CREATE INDEX "idx_timer_due"
    ON "timer" ("due");
CREATE UNIQUE INDEX "idx_outbox_thread_key"
    ON "outbox" ("thread", "key");
CREATE INDEX outbox_pending ON outbox (surface, id) WHERE state = 'pending';
CREATE INDEX outbox_slot ON outbox (thread, surface, conversation, slot, id) WHERE slot != '';
COMMIT;
