//! Where a shape is: the box that encloses it. The database computes the same in SQL, float for float.
