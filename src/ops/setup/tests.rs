//! What is added to a file of somebody else can be taken out again to the byte.
