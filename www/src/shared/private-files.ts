// The names of what lies in the browser's private files (OPFS): page and workers must agree on them.

/** A training that is under way, or was broken off. */
export const LEARNING_FOLDER = 'sam2rad learning';
/** In it: what is learnt. Without it there is nothing to go on with. */
export const TASK_FILE = 'task.json';
/** Models that were made here: a file and what the list says of it. */
export const MODELS_FOLDER = 'sam2rad models';
/** The lock that a training holds, whichever tab it is in. */
export const LEARNING_LOCK = 'sam2rad learning';
