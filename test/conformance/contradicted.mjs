export const contradicted = {};
