-- café
CREATE TABLE things ();
