//! Drives the real binary. One test program for all areas (one link); an area is a module.

mod files;
mod fuzz;
mod reports;
mod support;
