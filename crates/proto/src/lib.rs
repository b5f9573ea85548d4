//! PS3.7 and PS3.8: the upper layer and DIMSE, without sockets, files, threads or clock.
