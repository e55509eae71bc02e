package postgres

// KeptSubjects is how many subjects wait for their next step at most.
const KeptSubjects = keptSubjects
