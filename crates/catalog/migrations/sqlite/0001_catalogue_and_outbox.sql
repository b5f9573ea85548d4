-- Times are microseconds since 1970-01-01 in UTC. Column for column the same as PostgreSQL's.

CREATE TABLE directory (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE
);

CREATE TABLE study (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    patient_name TEXT,
    patient_id TEXT,
    patient_birth_date TEXT,
    patient_sex TEXT,
    accession_number TEXT,
    study_id TEXT,
    study_date TEXT,
    study_time TEXT,
    description TEXT,
    referring_physician_name TEXT,
    -- In lower case, for searching.
    search_name TEXT,
    search_id TEXT,
    search_accession TEXT,
    search_description TEXT,
    -- Of its series, sorted, with \ between them.
    modalities TEXT NOT NULL DEFAULT '',
    objects INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    -- Of the object that came last.
    directory INTEGER NOT NULL,
    association INTEGER NOT NULL,
    calling TEXT NOT NULL,
    called TEXT NOT NULL,
    peer TEXT NOT NULL,
    -- 1 until the first end, one more for each time that objects come after an end.
    epoch INTEGER NOT NULL DEFAULT 1,
    -- When it ends if no more objects come; NULL once it has ended.
    due INTEGER
);
CREATE INDEX study_due ON study (due) WHERE due IS NOT NULL;
CREATE INDEX study_search_id ON study (search_id, id);
CREATE INDEX study_search_accession ON study (search_accession, id);
CREATE INDEX study_search_name ON study (search_name, id);

-- Who is told of the ends of a study.
CREATE TABLE study_destination (
    study INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    PRIMARY KEY (study, destination)
) WITHOUT ROWID;

-- The calling AE titles of a study's objects, in lower case.
CREATE TABLE study_sender (
    study INTEGER NOT NULL,
    calling TEXT NOT NULL,
    PRIMARY KEY (study, calling)
) WITHOUT ROWID;

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    study INTEGER NOT NULL,
    uid TEXT NOT NULL,
    modality TEXT,
    number TEXT,
    description TEXT,
    body_part_examined TEXT,
    station_name TEXT,
    institution_name TEXT,
    UNIQUE (study, uid)
);

-- An object that was stored, and the event that it was.
CREATE TABLE instance (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    directory INTEGER NOT NULL,
    -- Beneath the directory; NULL if it has no final name (any more).
    file TEXT,
    -- The same, bounded in length; NULL if file is.
    file_key TEXT,
    spool TEXT,
    study INTEGER,
    series INTEGER,
    sop_class TEXT NOT NULL,
    sop_instance TEXT NOT NULL,
    transfer_syntax TEXT NOT NULL,
    size INTEGER NOT NULL,
    digest BLOB,
    received INTEGER NOT NULL,
    association INTEGER NOT NULL,
    calling TEXT NOT NULL,
    called TEXT NOT NULL,
    peer TEXT NOT NULL,
    -- Empty for none.
    rule TEXT NOT NULL,
    replaced INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    -- 1 if its file was replaced or removed.
    gone INTEGER NOT NULL,
    instance_number TEXT,
    number_of_frames TEXT,
    -- 0: nothing is owed. 1: something is owed or parked. 2: nothing is owed, and something was delivered.
    owed INTEGER NOT NULL
);
CREATE UNIQUE INDEX instance_file ON instance (directory, file_key) WHERE file_key IS NOT NULL;
CREATE INDEX instance_study ON instance (study, id);
CREATE INDEX instance_sop_instance ON instance (sop_instance);
-- Of `file`, not of `file_key`: no plan may take it for a search by that.
CREATE INDEX instance_removable ON instance (directory, rule, owed, received, id) WHERE file IS NOT NULL;

-- What happened and is no object: its end of study, association or refusal.
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    time INTEGER NOT NULL,
    study INTEGER,
    data TEXT NOT NULL,
    -- 1 if there were deliveries of it.
    delivered INTEGER NOT NULL
);
CREATE INDEX event_study ON event (study) WHERE study IS NOT NULL;
CREATE INDEX event_undelivered ON event (time) WHERE delivered = 0;

CREATE TABLE destination (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    paused INTEGER NOT NULL DEFAULT 0,
    -- Of its deliveries, kept up by each transaction that changes one: those that wait or are leased, the bytes of
    -- their objects, and those that are parked.
    waiting INTEGER NOT NULL DEFAULT 0,
    waiting_bytes INTEGER NOT NULL DEFAULT 0,
    parked INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    destination INTEGER NOT NULL,
    -- What for: an instance or an event.
    instance INTEGER,
    event INTEGER,
    study INTEGER,
    -- What is delivered in order: the study, or a number that no other delivery has.
    lane INTEGER NOT NULL,
    -- The same as long as it waits or is leased; otherwise NULL.
    open_lane INTEGER,
    -- 0: waiting, 1: leased, 2: done, 3: parked, 4: dropped.
    state INTEGER NOT NULL,
    -- When it can be leased: waiting, from then on; leased, when the lease runs out. Otherwise when it came to this state.
    at INTEGER NOT NULL,
    since INTEGER NOT NULL,
    size INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    owner TEXT,
    reason TEXT
);
CREATE INDEX delivery_due ON delivery (destination, state, at, id);
CREATE INDEX delivery_state ON delivery (destination, state, id);
CREATE INDEX delivery_lane ON delivery (destination, open_lane, id) WHERE open_lane IS NOT NULL;
CREATE INDEX delivery_instance ON delivery (instance) WHERE instance IS NOT NULL;
CREATE INDEX delivery_event ON delivery (event) WHERE event IS NOT NULL;

CREATE TABLE association (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    number INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    calling TEXT NOT NULL,
    called TEXT NOT NULL,
    peer TEXT NOT NULL,
    rule TEXT,
    objects INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    ending TEXT NOT NULL
);
CREATE INDEX association_ended ON association (ended);

CREATE TABLE refusal (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    time INTEGER NOT NULL,
    what TEXT NOT NULL,
    association INTEGER,
    calling TEXT,
    called TEXT,
    peer TEXT NOT NULL,
    rule TEXT,
    status INTEGER,
    sop_class TEXT,
    sop_instance TEXT,
    reason TEXT NOT NULL
);
CREATE INDEX refusal_time ON refusal (time);

-- One row: instances with a file, and their bytes; and a number that is changed to make everything before durable.
CREATE TABLE total (
    instances INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    durable INTEGER NOT NULL
);
INSERT INTO total VALUES (0, 0, 0);

-- One row: what tells this catalogue from one that was made in its place.
CREATE TABLE identity (
    id TEXT NOT NULL
);
INSERT INTO identity VALUES (lower(hex(randomblob(16))));

-- The keys that were given last, which are not given again.
CREATE TABLE last_id (
    name TEXT PRIMARY KEY,
    id INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO last_id VALUES ('instance', 0), ('delivery', 0);
