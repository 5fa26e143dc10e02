DROP TABLE things;
